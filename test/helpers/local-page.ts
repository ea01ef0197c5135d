/** What a browser does with the page's address: opens it once, and shows the cookie that it got from then on. */

/** By the page's origin. */
const cookies = new Map<string, string>();

/** Opens the address in a line that the bot prints. @returns the page's origin */
export async function openPage(line: string): Promise<string> {
  const [address] = /http:\/\/127\.0\.0\.1:\d+\/\?key=[\w-]+/.exec(line) ?? [];
  if (address === undefined) throw new Error(`there is no address in '${line}'`);
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await answer.text());
  const { origin } = new URL(address);
  cookies.set(origin, answer.headers.get('set-cookie')!.split(';')[0]!);
  return origin;
}

/** Headers of what the page at an origin sends. */
export function pageHeaders(origin: string): { readonly origin: string; readonly cookie: string } {
  return { origin, cookie: cookies.get(origin) ?? '' };
}

/** Loads something as the page does. */
export async function load(url: string, init: RequestInit = {}): Promise<Response> {
  const { cookie } = pageHeaders(new URL(url).origin);
  return await fetch(url, { ...init, headers: { cookie, ...init.headers } });
}
