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
import { notYours } from '../../rights.ts';
import {
  allRight,
  COUNTED_BEFORE,
  correction,
  countOpinions,
  openFaces,
  THANKS,
  WHO,
  without,
} from '../../was-it-right.ts';
import type { DiscordContext } from '../context.ts';
import { mayRemove } from '../permissions.ts';
import {
  correctionLists,
  emotionList,
  parseRightButton,
  parseRightChoice,
  rightButtons,
} from '../was-it-right-buttons.ts';

/** Handles a click on a button of 'Was it right?'. @returns false where it is another button */
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
    await replyOnUserError(interaction, async () => {
      await count(interaction, context, interaction.message.id, allRight(letters));
      // The question is removed.
      await interaction.update({ components: withButtons(interaction.message, undefined) });
    });
  }
  return true;
}

/** Handles a choice from one of the lists that a click on 'Correct it' opened. */
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
  await replyOnUserError(interaction, async () => {
    const counted = await count(interaction, context, answer, [opinion]);
    const left = without(letters, [number]);
    const content = counted > 0 ? `${opinion.number}: ${opinion.meant}. ${THANKS}` : COUNTED_BEFORE;
    await interaction.update({ content, components: left === undefined ? [] : correctionLists(answer, left) });
    await updateButtons(interaction, context, answer, left);
  });
}

async function count(
  { guildId, channelId }: ButtonInteraction | StringSelectMenuInteraction,
  { opinions }: DiscordContext,
  answer: string,
  given: readonly Opinion[],
): Promise<number> {
  return await countOpinions(opinions, { platform: 'discord', place: guildId ?? channelId, answer }, given);
}

/**
 * Changes the buttons under an answer so that they ask only about the remaining faces. If the bot cannot see the channel, they stay as
 * they are.
 */
async function updateButtons(
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

/** A message's component rows with the buttons of 'Was it right?' for the given letters, or without those buttons where there are none. */
function withButtons({ components }: Message, letters: string | undefined): ActionRowBuilder<ButtonBuilder>[] {
  return components.flatMap((row) => {
    if (!(row instanceof ActionRow)) return [];
    const buttons = row.components.filter((component) => component instanceof ButtonComponent);
    const questions = buttons.flatMap(({ customId }) => (customId && parseRightButton(customId)) || []);
    const others = buttons.filter(({ customId }) => !customId || parseRightButton(customId) === undefined);
    const again = letters !== undefined && questions[0] ? rightButtons(questions[0].people, letters) : [];
    const all = [...others.map((other) => ButtonBuilder.from(other)), ...again];
    return all.length === 0 ? [] : [new ActionRowBuilder<ButtonBuilder>().addComponents(all)];
  });
}

async function replyOnUserError(
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
