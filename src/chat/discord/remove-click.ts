import { type ButtonInteraction, MessageFlags } from 'discord.js';
import { isGone } from './errors.ts';
import { ADMIN, MODERATOR } from './permissions.ts';
import { parseRemoveButton } from './remove-button.ts';

/** A click on Remove: the message goes if the person may have it removed; otherwise only they are told who may. */
export async function onRemoveClick(interaction: ButtonInteraction): Promise<void> {
  const button = parseRemoveButton(interaction.customId);
  if (button === undefined) return;
  const isTheirs = button.people.includes(interaction.user.id);
  if (!isTheirs && !interaction.memberPermissions?.any([ADMIN, MODERATOR])) {
    await interaction.reply({
      content: 'Only the person who posted the picture or asked for this, or an admin, can remove it.',
      flags: MessageFlags.Ephemeral,
    });
    return;
  }
  await interaction.deferUpdate();
  try {
    // Through the interaction: it works in channels that the bot itself cannot see, too.
    await interaction.deleteReply();
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}
