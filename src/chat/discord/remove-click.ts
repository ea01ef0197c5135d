import { type ButtonInteraction, MessageFlags } from 'discord.js';
import { isExpired, isGone } from './errors.ts';
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
  try {
    await remove(interaction);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function remove(interaction: ButtonInteraction): Promise<void> {
  try {
    // Through the interaction first: that works in channels that the bot itself cannot see, too.
    await interaction.deferUpdate();
    await interaction.deleteReply();
  } catch (error) {
    if (!isExpired(error)) throw error;
    await interaction.message.delete();
  }
}
