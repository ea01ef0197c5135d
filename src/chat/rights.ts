/** The part of a request's origin that rights depend on. */
export interface Place {
  /** True where only one person and the bot can write. */
  readonly isDirect: boolean;
  /** The server or workspace; absent in a direct message of a platform whose direct messages belong to none. */
  readonly home?: string;
}

/** Whose admins may use commands that take the whole machine, on one platform. */
export interface OperatorRule {
  /** Servers or workspaces that the configuration names, from `config.operator`. */
  readonly homes: readonly string[];
  /**
   * The servers or workspaces that the bot is in now; may stop after the second one. None where anybody may install the bot, or where the
   * list cannot be known. May ask the platform.
   */
  memberships(): Iterable<string> | Promise<Iterable<string>>;
}

/**
 * Whether a person may do what only the operator's admins may. They must administer the server or workspace that they ask
 * from, and it must be the operator's. If none is configured, the only one that the bot is in counts as the operator's. If
 * the bot is in two, neither does: a bot that anyone may invite would hand the machine to strangers.
 *
 * It is never true in a direct message, since nothing there says for which server or workspace a person asks.
 *
 * @param isAdmin asks the platform itself, not an old cache; only called where the place is the operator's
 * @throws what `isAdmin` and `memberships` throw
 */
export async function isOperator(place: Place, rule: OperatorRule, isAdmin: () => Promise<boolean>): Promise<boolean> {
  if (place.isDirect || place.home === undefined) return false;
  if (!(await isOperatorsHome(place.home, rule))) return false;
  return await isAdmin();
}

async function isOperatorsHome(home: string, rule: OperatorRule): Promise<boolean> {
  if (rule.homes.length > 0) return rule.homes.includes(home);
  const memberships = new Set(await rule.memberships());
  return memberships.size === 1 && memberships.has(home);
}

/** The sentence for a person who pressed a button under somebody else's answer. */
export function notYours(what: 'remove it' | 'say that'): string {
  return `Only the person who posted the picture or asked for this, or an admin, can ${what}.`;
}
