import { type Command, defineCommand } from './command.ts';
import type { PhotoRules } from './preconditions.ts';

const WHAT_IS_KEPT = [
  'What I do with photos: I hold a photo in memory while I read it and answer with a copy of it. I never write one to disk, put one in a log or learn from one, and I send none to any service. My answer stays in this chat until you or an admin remove it.',
  'What I keep: who opted out and how channels are set, as codes made from the ids. Where people say whether a reading was right, how often. While I work on a photo, the ids of its message and file, and of each channel’s last message. No names, no words, and nothing about anybody’s face.',
].join('\n');

const OPTED_OUT = 'You have opted out: I read no photos that you post, whoever asks. /privacy opt-in takes that back.';
const NOT_OPTED_OUT =
  'Type /privacy opt-out, and I read no photos that you post, whoever asks. (Photos of you that others post I cannot tell apart: I recognise nobody.)';

const FORWARDS_ARE_READ =
  'Where this chat hides who first posted a photo that somebody forwards, and I cannot see the original message, I cannot know whether that person opted out: then it counts as the photo of whoever forwards it.';
const FORWARDS_ARE_NOT_READ = 'I read no forwarded photo where this chat hides who posted it first.';

/** `/privacy` says what the bot keeps; `opt-out` and `opt-in` set whether it reads the photos that the person posts. */
export function privacyCommand(rules: Pick<PhotoRules, 'settings' | 'readsForwards'>): Command {
  const { settings } = rules;
  return defineCommand({
    name: 'privacy',
    description: 'Says what I keep, and lets you opt out: then I read no photos that you post',
    example: 'opt-out',
    options: [
      {
        name: 'choice',
        type: 'choice',
        choices: ['opt-out', 'opt-in'],
        positional: true,
        description: 'Whether I may read photos that you post',
      },
    ],
    access: 'everyone',
    async run(request, { choice }) {
      const { platform, user } = request;
      if (choice !== undefined) await settings.setOptedOut(platform, user.id, choice === 'opt-out');
      const text = await answer(choice, rules, () => settings.hasOptedOut(platform, user.id));
      await request.reply({ text, private: true });
    },
  });
}

async function answer(
  choice: 'opt-out' | 'opt-in' | undefined,
  { readsForwards }: Pick<PhotoRules, 'readsForwards'>,
  hasOptedOut: () => Promise<boolean>,
): Promise<string> {
  const ofForwards = readsForwards ? FORWARDS_ARE_READ : FORWARDS_ARE_NOT_READ;
  if (choice === 'opt-out') return `Done. ${OPTED_OUT} ${ofForwards}`;
  if (choice === 'opt-in') return 'Done. I read photos that you post again. /privacy opt-out takes that back.';
  return [WHAT_IS_KEPT, (await hasOptedOut()) ? OPTED_OUT : NOT_OPTED_OUT, ofForwards].join('\n');
}
