import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Command } from '../../commands/command.ts';
import { createCommands } from '../../commands/index.ts';
import { CommandRegistry } from '../../commands/registry.ts';
import { UserError } from '../../src/base/errors.ts';
import { applicationCommands, type Deployment, deployCommands } from '../../src/chat/discord/deploy.ts';
import { isOutOfReach } from '../../src/chat/discord/errors.ts';
import { loadConfig } from '../../src/config.ts';
import { FakeDiscord } from '../fakes/discord.ts';
import { runScript } from '../helpers/run-script.ts';

let discord: FakeDiscord;
let directory: string;
beforeEach(async () => {
  discord = await FakeDiscord.start();
  directory = mkdtempSync(`${tmpdir()}/deploy-`);
});
afterEach(async () => {
  await discord.close();
  rmSync(directory, { recursive: true });
});

const run: Command['run'] = async () => {};
const registry = new CommandRegistry([
  {
    name: 'retrain',
    description: 'Trains anew',
    access: 'operator',
    options: [
      { name: 'action', type: 'choice', choices: ['start', 'status'], description: 'What to do' },
      { name: 'epochs', type: 'integer', min: 1, max: 200, description: 'How many epochs' },
      { name: 'rate', type: 'number', min: 0.001, max: 0.5, description: 'The learning rate' },
      { name: 'data', type: 'text', maxLength: 60, description: 'A folder' },
      { name: 'mirror', type: 'switch', description: 'Mirror the faces' },
    ],
    run,
  },
  {
    name: 'look',
    description: 'x'.repeat(140),
    access: ({ channel }) => (channel === undefined ? 'everyone' : 'admin'),
    options: [{ name: 'image', type: 'picture', description: 'A picture' }],
    run,
  },
]);

function deploy(deployment: Deployment, token: string = discord.token): Promise<string> {
  const environment = { DISCORD_TOKEN: token };
  const config = loadConfig({ environment, directory, internal: { discordApi: `${discord.origin}/api` } });
  return deployCommands(deployment, config, registry);
}

describe('the commands that Discord gets', () => {
  test('come from the registry with their options, choices and ranges', () => {
    const [retrain, look, menu] = applicationCommands(registry);
    expect(retrain).toEqual({
      type: 1,
      name: 'retrain',
      description: 'Trains anew',
      // Manage Server, and not in direct messages.
      default_member_permissions: '32',
      contexts: [0],
      integration_types: [0],
      options: [
        {
          type: 3,
          name: 'action',
          description: 'What to do',
          required: false,
          choices: [
            { name: 'start', value: 'start' },
            { name: 'status', value: 'status' },
          ],
        },
        { type: 4, name: 'epochs', description: 'How many epochs', required: false, min_value: 1, max_value: 200 },
        { type: 10, name: 'rate', description: 'The learning rate', required: false, min_value: 0.001, max_value: 0.5 },
        { type: 3, name: 'data', description: 'A folder', required: false, max_length: 60 },
        { type: 5, name: 'mirror', description: 'Mirror the faces', required: false },
      ],
    });
    expect(look).toMatchObject({
      description: `${'x'.repeat(99)}…`,
      default_member_permissions: null,
      contexts: [0, 1],
      options: [{ type: 11, name: 'image' }],
    });
    expect(menu).toEqual({ type: 3, name: 'Read emotions', contexts: [0, 1], integration_types: [0] });
  });

  test('of the bot keep to Discord’s rules', () => {
    const all = applicationCommands(createCommands({} as Parameters<typeof createCommands>[0]));
    expect(all.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['emotions', 'privacy', 'help', 'Read emotions']),
    );
    for (const command of all) {
      if (command.type !== 1) continue;
      const options = command.options ?? [];
      expect(options.length, command.name).toBeLessThanOrEqual(25);
      for (const { name, description } of [command, ...options]) {
        expect(name).toMatch(/^[a-z0-9-]{1,32}$/);
        expect(description.length, name).toBeLessThanOrEqual(100);
        expect(description.length, name).toBeGreaterThan(0);
      }
      for (const option of options) {
        if ('choices' in option) expect(option.choices?.length, option.name).toBeLessThanOrEqual(25);
      }
    }
  });
});

describe('deploying', () => {
  test('registers everywhere, shows, and clears', async () => {
    expect(await deploy({ action: 'view' })).toContain('Nothing is registered everywhere.');
    expect(await deploy({ action: 'register' })).toBe('Registered everywhere: /retrain, /look, Apps > Read emotions.');
    expect(discord.registered.get('')).toMatchObject([
      { name: 'retrain' },
      { name: 'look' },
      { name: 'Read emotions' },
    ]);
    const view = await deploy({ action: 'view' });
    expect(view).toContain('  /retrain – Trains anew\n');
    expect(view).not.toContain('Not registered');
    expect(await deploy({ action: 'clear' })).toBe('Cleared every command registered everywhere.');
    expect(discord.registered.get('')).toEqual([]);
  });

  test('registers for one server', async () => {
    const guildId = discord.guild.id;
    expect(await deploy({ action: 'register', guildId })).toContain(`Registered in the server ${guildId}`);
    expect(discord.registered.get(guildId)).toHaveLength(3);
    expect(discord.registered.get('')).toBeUndefined();
  });

  test('shows the link that adds the bot to a server, with the permissions that it needs', async () => {
    const [link] = /https:\S+/.exec(await deploy({ action: 'view' }))!;
    const { searchParams } = new URL(link);
    expect(searchParams.get('client_id')).toBe(discord.me.id);
    expect(searchParams.get('scope')).toBe('bot applications.commands');
    // View Channel, Send Messages, Attach Files, Read Message History, Send Messages in Threads.
    const needed = [10n, 11n, 15n, 16n, 38n].reduce((sum, bit) => sum | (1n << bit), 0n);
    expect(searchParams.get('permissions')).toBe(String(needed));
  });

  test('says what is wrong with the token, without repeating it', async () => {
    const failed = deploy({ action: 'view' }, 'MTAwMA.wrong.token');
    await expect(failed).rejects.toMatchObject({ code: 'bad-config' });
    await expect(failed).rejects.toThrow(/^DISCORD_TOKEN is not accepted/);
    await expect(failed).rejects.not.toThrow(/wrong/);
    await expect(deploy({ action: 'register' }, '')).rejects.toThrow('DISCORD_TOKEN is missing');
    await expect(deploy({ action: 'register' }, 'abc')).rejects.toThrow('DISCORD_TOKEN is no bot’s token');
  });

  test('view shows the commands without a token too', async () => {
    const view = await deploy({ action: 'view' }, '');
    expect(view).toMatch(/^To be registered:\n {2}\/retrain – Trains anew\n {6}action – What to do\n/);
    expect(view).toContain('  /look – ');
    expect(view).toContain('  Apps > Read emotions\n');
    expect(view).toMatch(/need DISCORD_TOKEN in the file \.env\.$/);
    expect(discord.calls).toEqual([]);
  });

  test('says that Discord cannot be reached, with no stack', async () => {
    const environment = { DISCORD_TOKEN: discord.token };
    const config = loadConfig({ environment, directory, internal: { discordApi: 'http://127.0.0.1:1/api' } });
    await expect(deployCommands({ action: 'register' }, config, registry)).rejects.toThrow(
      new UserError('busy', 'Discord cannot be reached (ECONNREFUSED). Is this machine online?'),
    );
    const of = (code: string) => Object.assign(new Error(code), { code });
    // Where no server for names answers, and where a call is wrong.
    expect([isOutOfReach(of('EAI_AGAIN')), isOutOfReach(of('ERR_INVALID_ARG_TYPE'))]).toEqual([true, false]);
  });

  test('says where the bot may not register commands', async () => {
    discord.fail('PUT', /guilds/, { status: 403, body: { code: 50001, message: 'Missing Access' } });
    const failed = deploy({ action: 'register', guildId: '1' });
    await expect(failed).rejects.toThrow(UserError);
    await expect(failed).rejects.toThrow(/scope applications.commands/);
  });
});

describe('npm run deploy-commands', () => {
  test('explains itself, and what it does not understand', async () => {
    expect(await runScript('deploy-commands.ts', '--help')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Usage/),
    });
    for (const args of [
      [],
      ['everything'],
      ['view', 'clear'],
      ['view', '--guild', 'mine'],
      ['view', '--server', '1'],
    ]) {
      const { code, stderr } = await runScript('deploy-commands.ts', ...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining('--help shows how.')]);
    }
  });
});
