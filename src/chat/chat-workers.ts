import type { ChatWorker, ChatWorkerContext } from './chat-worker.ts';

/**
 * Creates a worker for every platform that the configuration holds credentials for. Loads them one after the other, for the reason in
 * platforms.ts.
 */
export async function createChatWorkers(context: ChatWorkerContext): Promise<ChatWorker[]> {
  const { discord, slack } = context.config;
  return [
    ...(discord ? [new (await import('./discord/worker.ts')).DiscordWorker(context)] : []),
    ...(slack ? [new (await import('./slack/worker.ts')).SlackWorker(context)] : []),
  ];
}
