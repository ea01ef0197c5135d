import type { ServerResponse } from 'node:http';
import type { HTTPReceiverOptions } from '@slack/bolt';
import { UserError } from '../../base/errors.ts';
import type { SlackInstaller } from '../../config-slack.ts';
import { isBegunElsewhere, isDeclined } from './errors.ts';
import type { Installations } from './installations.ts';

/** The page where installing the bot begins, and the one that Slack sends people back to. */
export const INSTALL_PATH = '/slack/install';
const RETURN_PATH = '/slack/oauth_redirect';

/** The permissions of the bot; slack-manifest.yaml lists the same for Slack. */
export const SCOPES = [
  'channels:history',
  'chat:write',
  'commands',
  'files:read',
  'files:write',
  'groups:history',
  'im:history',
  'mpim:history',
  'users:read',
];

/** Options with which the library lets people install the bot, including the texts of its pages. */
export function installPages(
  { clientId, clientSecret, stateSecret }: SlackInstaller,
  installationStore: Installations,
  clientOptions: object,
) {
  return {
    clientId,
    clientSecret,
    stateSecret,
    installationStore,
    scopes: SCOPES,
    installerOptions: {
      clientOptions,
      installPath: INSTALL_PATH,
      redirectUriPath: RETURN_PATH,
      renderHtmlForInstallPath: (url: string) =>
        page(
          'Emotions for Slack',
          `Post a photo, and it says which of seven emotions each face’s expression looks like. Photos are read in memory, and never kept or learned from.</p>
<p>The law first: inferring people’s emotions at work and in education is banned in the European Union, except for medical or safety reasons (Regulation (EU) 2024/1689, Article 5(1)(f)). A workspace is usually a place of work.</p>
<p><a href="${escaped(url)}">Add to Slack</a>`,
        ),
      callbackOptions: {
        success: (_installation, _options, _request, response) =>
          send(
            response,
            200,
            'Installed',
            'In Slack, open a channel, type <code>/invite @emotions</code>, and post a photo.',
          ),
        failure: (error, _options, _request, response) => send(response, ...failurePage(error)),
      },
    },
  } satisfies Partial<HTTPReceiverOptions>;
}

function failurePage(error: Error): [status: number, title: string, text: string] {
  const again = `<a href="${INSTALL_PATH.slice('/slack/'.length)}">Begin again</a>.`;
  if (error instanceof UserError) return [503, 'Not installed', `${escaped(error.message)} ${again}`];
  if (isDeclined(error)) return [200, 'Not installed', `You did not allow it, and nothing has changed. ${again}`];
  if (isBegunElsewhere(error)) {
    return [400, 'Not installed', `This was begun in another browser, or too long ago. ${again}`];
  }
  return [500, 'Not installed', `Something went wrong; the log says what. ${again}`];
}

function send(response: ServerResponse, status: number, title: string, text: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff' });
  response.end(page(title, text));
}

function page(title: string, text: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<body style="max-width: 40rem; margin: 3rem auto; padding: 0 1rem; font: 1rem/1.5 sans-serif">
<h1>${title}</h1>
<p>${text}</p>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
