/** What the app is called by in Slack; slack-manifest.yaml says the same to Slack. */

/** Callback id of the message shortcut. */
export const READ_EMOTIONS = 'read_emotions';
/** Action id of the Remove button. */
export const REMOVE = 'remove_reply';

/**
 * The slash command of a command. Slack does not tell apps' commands apart: of two with one name only the last installed
 * is called, so that a name as common as 'help' would take another app's place.
 */
export function slashName(command: string): string {
  return command === 'help' ? '/emotions-help' : `/${command}`;
}

/** The bot's own words with its commands as they are called in Slack. */
export function withSlashNames(text: string): string {
  return text.replaceAll(/(?<![\w/])\/help\b/g, slashName('help'));
}
