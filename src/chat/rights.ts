/** Where a request came from, as far as rights depend on it. */
export interface Place {
  /** True where only one person and the bot are. */
  readonly isDirect: boolean;
  /** The server or workspace; absent in a direct message of a platform whose direct messages belong to none. */
  readonly home?: string;
}

/** Whose admins may ask for what costs the whole machine, on one platform. */
export interface OperatorRule {
  /** Servers or workspaces that the configuration names, from `config.operator`. */
  readonly homes: readonly string[];
  /** Every server or workspace that the bot is in now, at least up to the second one; none where anybody may install it, or where that cannot be told. May ask the platform. */
  memberships(): Iterable<string> | Promise<Iterable<string>>;
}

/**
 * Whether a person may do what only the operator's admins may: they administer the place that they ask from, and that
 * place is one of the operator's. Where none is configured, it is the only one that the bot is in. With two, nobody
 * could tell which is the operator's: a bot that anyone may invite would hand the machine to strangers.
 *
 * Never in a direct message, where nothing says on whose behalf a person asks.
 *
 * @param isAdmin asks the platform now, not a cache of long ago; only called where the place itself would do
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

/** What somebody is told who pressed a button under an answer that is not theirs. */
export function notYours(what: 'remove it' | 'say that'): string {
  return `Only the person who posted the picture or asked for this, or an admin, can ${what}.`;
}
