import { describe, expect, test } from 'vitest';
import type { Command } from '../../commands/command.ts';
import { checkOptions } from '../../commands/options.ts';
import { fakeAttachment } from '../fakes/request.ts';

/** Like the options of a training command: one of each type. */
const COMMAND: Pick<Command, 'name' | 'options'> = {
  name: 'train',
  options: [
    { name: 'action', type: 'choice', choices: ['start', 'status'], positional: true, description: 'What to do' },
    { name: 'epochs', type: 'integer', min: 1, max: 100, description: 'How long' },
    { name: 'rate', type: 'number', min: 0, max: 1, description: 'How fast' },
    { name: 'clean', type: 'switch', description: 'Leave duplicates out' },
    { name: 'stats', type: 'switch', alone: true, description: 'Figures' },
    { name: 'title', type: 'text', maxLength: 12, description: 'A name' },
    {
      name: 'size',
      type: 'choice',
      choices: ['xxs', 'xs', 's', 'm', 'l', 'xl', 'xxl'],
      description: 'How much',
    },
    { name: 'image', type: 'picture', description: 'A picture' },
  ],
};

describe('checkOptions', () => {
  test.each([
    ['', {}],
    ['status', { action: 'status' }],
    ['STATUS', { action: 'status' }],
    ['start epochs:5 rate=0.01', { action: 'start', epochs: 5, rate: 0.01 }],
    ['epochs 5 start', { epochs: 5, action: 'start' }],
    ['Epochs:5 START Rate=0.01', { epochs: 5, action: 'start', rate: 0.01 }],
    ['epochs: 5 start', { epochs: 5, action: 'start' }],
    ['clean', { clean: true }],
    ['stats', { stats: true }],
    ['stats:no start', { action: 'start' }],
    ['clean:no', { clean: false }],
    ['  title:"two words"   clean=yes ', { title: 'two words', clean: true }],
    ['title "two words"', { title: 'two words' }],
  ])('takes the typed text %j apart', (text, values) => {
    expect(checkOptions(COMMAND, text)).toEqual(values);
  });

  test('takes the values of a platform that has fields for options', () => {
    const image = fakeAttachment('a.png');
    const input = { action: 'start', epochs: 5, clean: true, image, title: undefined, rate: null };
    expect(checkOptions(COMMAND, input)).toEqual({ action: 'start', epochs: 5, clean: true, image });
  });

  test.each([
    ['dance', '‘action’ of /train takes start or status, not ‘dance’.'],
    ['strat', '‘action’ of /train cannot be ‘strat’. Did you mean ‘start’?'],
    ['start quickly', 'I do not know what ‘quickly’ means after /train. /help train shows how to type it.'],
    ['start title:a b epoch', 'I do not know what ‘b’ means after /train. /help train shows how to type it.'],
    ['start epoch', 'I do not know what ‘epoch’ means after /train. Did you mean ‘epochs’?'],
    ['start epoch:3', '/train has no option ‘epoch’. Did you mean ‘epochs’?'],
    ['speed:3', '/train has no option ‘speed’. /help train shows how to type it.'],
    ['size:huge', '‘size’ of /train cannot be ‘huge’. /help train shows how to type it.'],
    ['size:xxlx', '‘size’ of /train cannot be ‘xxlx’. Did you mean ‘xxl’?'],
    ['epochs:0', '‘epochs’ of /train takes a whole number from 1 to 100.'],
    ['epochs:2.5', '‘epochs’ of /train takes a whole number from 1 to 100.'],
    ['epochs:', '‘epochs’ of /train takes a whole number from 1 to 100.'],
    ['rate:fast', '‘rate’ of /train takes a number from 0 to 1.'],
    ['clean:perhaps', '‘clean’ of /train takes yes or no.'],
    ['title:much-too-long-a-title', '‘title’ of /train takes a text of at most 12 characters.'],
    ['../../etc/passwd', '‘action’ of /train takes start or status, not ‘../../etc/passwd’.'],
  ])('names what is wrong with %j alone', (text, message) => {
    expect(() => checkOptions(COMMAND, text)).toThrow(expect.objectContaining({ code: 'bad-usage', message }));
  });

  test.each([
    [{ speed: 3 }, 'has no option ‘speed’'],
    [{ ['s'.repeat(99)]: 3 }, `has no option ‘${'s'.repeat(40)}’`],
    [{ image: 'a.png' }, '‘image’ of /train takes a picture'],
    [{ epochs: Number.NaN }, '‘epochs’ of /train takes a whole number'],
    [{ title: 7 }, '‘title’ of /train takes a text'],
  ])('refuses the field values %j', (values, problem) => {
    expect(() => checkOptions(COMMAND, values)).toThrow(problem);
  });

  test('a picture cannot be typed', () => {
    expect(() => checkOptions(COMMAND, 'start image:a.png')).toThrow('has no option ‘image’');
  });

  test('what is repeated of the person’s text is bounded', () => {
    expect(() => checkOptions(COMMAND, `start ${'x'.repeat(5000)}`)).toThrow(/^.{1,400}$/);
  });

  test.each([
    (smile: string) => `start ${smile}`,
    (smile: string) => `size:${smile}`,
    (smile: string) => ({ [smile]: 3 }),
  ])('no character of it is split, %#', (input) => {
    const smiles = `x${'😀'.repeat(100)}`;
    const problem = expect.objectContaining({ message: expect.stringContaining(`‘x${'😀'.repeat(39)}’`) });
    expect(() => checkOptions(COMMAND, input(smiles))).toThrow(problem);
  });
});
