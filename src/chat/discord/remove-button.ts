import { ActionRowBuilder, ButtonBuilder, ButtonStyle } from 'discord.js';

/**
 * What a Remove button stands for. All of it is in the button's own id, which Discord keeps with the message: the button
 * works after a restart, and nothing about anyone has to be stored.
 */
export interface RemoveButton {
  /** Who may remove the reply, besides admins: who asked for it, and who posted the picture. */
  readonly people: readonly string[];
  /** The message that holds the picture; absent where the picture came with a command. */
  readonly source?: string;
}

const ID = /^remove:(\d*(?:,\d+)*):(\d*)$/;

/** The button as a row of components under a message. */
export function removeButtonRow(button: RemoveButton): ActionRowBuilder<ButtonBuilder> {
  const people = [...new Set(button.people)].join(',');
  return new ActionRowBuilder<ButtonBuilder>().addComponents(
    new ButtonBuilder()
      .setCustomId(`remove:${people}:${button.source ?? ''}`)
      .setLabel('Remove')
      .setStyle(ButtonStyle.Secondary),
  );
}

/** What a button's id stands for; undefined where it is no Remove button. */
export function parseRemoveButton(customId: string): RemoveButton | undefined {
  const [, people, source] = ID.exec(customId) ?? [];
  if (people === undefined) return undefined;
  return { people: people.split(',').filter((id) => id !== ''), ...(source ? { source } : {}) };
}
