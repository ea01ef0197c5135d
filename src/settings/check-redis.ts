/** Time limit for the connection and for each answer, in milliseconds. */
const TIMEOUT_MS = 5000;

/** The version of a Redis, and which of its settings could lose data. */
export interface RedisCheck {
  readonly version: string;
  readonly problems: readonly { readonly what: string; readonly remedy: string }[];
}

/**
 * Connects to a Redis once and asks how safely it keeps data.
 * @throws Error where it cannot be reached or refuses; the message does not hold the password
 */
export async function checkRedis(url: string): Promise<RedisCheck> {
  const { Redis } = await import('ioredis');
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: TIMEOUT_MS,
    commandTimeout: TIMEOUT_MS,
    maxRetriesPerRequest: 0,
    // The client would wait until a Redis has loaded its data, however long that takes.
    enableReadyCheck: false,
    retryStrategy: () => null,
  });
  let reason: Error | undefined;
  client.on('error', (error: Error) => {
    reason ??= error;
  });
  try {
    await client.connect();
    const info = await client.info();
    const of = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1] ?? 'unknown';
    const policy = of('maxmemory_policy');
    const evicts = policy !== 'noeviction' && policy !== 'unknown';
    return {
      version: of('redis_version'),
      problems: [
        ...(of('loading') === '1'
          ? [{ what: 'it still loads its data', remedy: 'Wait until it has; bot and workers wait too.' }]
          : []),
        ...(of('role') === 'slave'
          ? [{ what: 'it is a copy, which takes no changes', remedy: 'Name its primary in REDIS_URL.' }]
          : []),
        ...(evicts
          ? [
              {
                what: `it may throw away what people chose (maxmemory-policy ${policy})`,
                remedy: 'redis-cli config set maxmemory-policy noeviction',
              },
            ]
          : []),
        ...(of('aof_enabled') === '0'
          ? [
              {
                what: 'a crash of Redis may lose who opted out (appendonly no)',
                remedy: 'redis-cli config set appendonly yes',
              },
            ]
          : []),
      ],
    };
  } catch (error) {
    // The client's own error only says that the connection is closed.
    throw reason ?? error;
  } finally {
    client.disconnect();
  }
}
