/** What Slack's reference says each method needs (https://docs.slack.dev/reference/methods); [] is none. */
export const METHOD_SCOPES: Readonly<Record<string, readonly string[]>> = {
  'auth.test': [],
  'apps.connections.open': [],
  'chat.delete': ['chat:write'],
  'chat.getPermalink': [],
  'chat.postEphemeral': ['chat:write'],
  'chat.postMessage': ['chat:write'],
  'chat.update': ['chat:write'],
  'conversations.history': ['channels:history', 'groups:history', 'im:history', 'mpim:history'],
  'conversations.replies': ['channels:history', 'groups:history', 'im:history', 'mpim:history'],
  'files.completeUploadExternal': ['files:write'],
  'files.delete': ['files:write'],
  'files.getUploadURLExternal': ['files:write'],
  'files.info': ['files:read'],
  'oauth.v2.access': [],
  'users.info': ['users:read'],
  'views.open': [],
};

/** What Slack's reference says each event needs (https://docs.slack.dev/reference/events). */
export const EVENT_SCOPES: Readonly<Record<string, string | undefined>> = {
  app_uninstalled: undefined,
  file_deleted: 'files:read',
  'message.channels': 'channels:history',
  'message.groups': 'groups:history',
  'message.im': 'im:history',
  'message.mpim': 'mpim:history',
  team_access_revoked: undefined,
  tokens_revoked: undefined,
};

/** What an app by slack-manifest.yaml is given. */
export const ALL_SCOPES: readonly string[] = [
  ...new Set(['commands', ...Object.values(METHOD_SCOPES).flat(), ...Object.values(EVENT_SCOPES)]),
]
  .filter((scope) => scope !== undefined)
  .sort();
