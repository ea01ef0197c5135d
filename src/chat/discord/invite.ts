import { OAuth2Scopes, PermissionsBitField } from 'discord.js';
import { NEEDED_PERMISSIONS } from './permissions.ts';

/** The page on which an admin adds the bot to a server, with the permissions that it needs and no other. */
export function inviteLink(applicationId: string): string {
  const url = new URL('https://discord.com/oauth2/authorize');
  url.searchParams.set('client_id', applicationId);
  url.searchParams.set('scope', [OAuth2Scopes.Bot, OAuth2Scopes.ApplicationsCommands].join(' '));
  url.searchParams.set('permissions', String(new PermissionsBitField(NEEDED_PERMISSIONS).bitfield));
  return url.href;
}
