import {
  ActionRow,
  ActionRowBuilder,
  ButtonBuilder,
  ButtonComponent,
  type ButtonInteraction,
  type Message,
  MessageFlags,
  type StringSelectMenuInteraction,
} from 'discord.js';
import { UserError } from '../../../base/errors.ts';
import type { Opinion } from '../../../settings/opinions.ts';
import { allRight, correction, openFaces, THANKS, TOLD_BEFORE, tell, WHO, without } from '../../right.ts';
import { notYours } from '../../rights.ts';
import type { DiscordContext } from '../context.ts';
import { mayRemove } from '../permissions.ts';
import { correctionLists, emotionList, parseRightButton, parseRightChoice, rightButtons } from '../right-buttons.ts';

/** A click on one of the buttons of 'Was it right?'. @returns false where it is another button */
export async function onRightButton(interaction: ButtonInteraction, context: DiscordContext): Promise<boolean> {
  const button = parseRightButton(interaction.customId);
  if (button === undefined) return false;
  const { isRight, letters, people } = button;
  if (!mayRemove(interaction, people)) {
    await interaction.reply({ content: notYours('say that'), flags: MessageFlags.Ephemeral });
  } else if (!isRight) {
    const components = correctionLists(interaction.message.id, letters);
    await interaction.reply({ content: WHO, components, flags: MessageFlags.Ephemeral });
  } else {
    await orInWords(interaction, async () => {
      await count(interaction, context, interaction.message.id, allRight(letters));
      // Nobody is asked again.
      await interaction.update({ components: withButtons(interaction.message, undefined) });
    });
  }
  return true;
}

/** A choice from one of the lists that a click on 'Correct it' brought. */
export async function onRightChoice(interaction: StringSelectMenuInteraction, context: DiscordContext): Promise<void> {
  const choice = parseRightChoice(interaction.customId);
  const [value = ''] = interaction.values;
  if (choice === undefined) return;
  const { answer, letters, number } = choice;
  if (number === undefined) {
    const face = openFaces(letters).find((candidate) => String(candidate.number) === value);
    if (face) await interaction.update({ components: [emotionList(answer, letters, face)] });
    return;
  }
  const opinion = correction(letters, number, value);
  if (opinion === undefined) return;
  await orInWords(interaction, async () => {
    const counted = await count(interaction, context, answer, [opinion]);
    const left = without(letters, [number]);
    const content = counted > 0 ? `${opinion.number}: ${opinion.meant}. ${THANKS}` : TOLD_BEFORE;
    await interaction.update({ content, components: left === undefined ? [] : correctionLists(answer, left) });
    await close(interaction, context, answer, left);
  });
}

async function count(
  { guildId, channelId }: ButtonInteraction | StringSelectMenuInteraction,
  { opinions }: DiscordContext,
  answer: string,
  given: readonly Opinion[],
): Promise<number> {
  return await tell(opinions, { platform: 'discord', place: guildId ?? channelId, answer }, given);
}

/** Has the buttons under an answer ask about what is left only. Where the bot may not see the channel, they stay as they are. */
async function close(
  { channel }: StringSelectMenuInteraction,
  { log }: DiscordContext,
  answer: string,
  letters: string | undefined,
): Promise<void> {
  try {
    const message = await channel?.messages.fetch(answer);
    await message?.edit({ components: withButtons(message, letters) });
  } catch (err) {
    log.debug({ platform: 'discord', err }, 'the buttons of an answer could not be changed');
  }
}

/** A message's rows, with its buttons of 'Was it right?' asking about these faces; without these buttons where none is left. */
function withButtons({ components }: Message, letters: string | undefined): ActionRowBuilder<ButtonBuilder>[] {
  return components.flatMap((row) => {
    if (!(row instanceof ActionRow)) return [];
    const buttons = row.components.filter((component) => component instanceof ButtonComponent);
    const asking = buttons.flatMap(({ customId }) => (customId && parseRightButton(customId)) || []);
    const others = buttons.filter(({ customId }) => !customId || parseRightButton(customId) === undefined);
    const again = letters !== undefined && asking[0] ? rightButtons(asking[0].people, letters) : [];
    const all = [...others.map((other) => ButtonBuilder.from(other)), ...again];
    return all.length === 0 ? [] : [new ActionRowBuilder<ButtonBuilder>().addComponents(all)];
  });
}

async function orInWords(
  interaction: ButtonInteraction | StringSelectMenuInteraction,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    await interaction.reply({ content: error.message, flags: MessageFlags.Ephemeral });
  }
}
