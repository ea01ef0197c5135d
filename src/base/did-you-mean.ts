import { closestMatch } from 'leven';

/** Letters that may be wrong, missing or too many in a word of so many: one in three, three at most. */
const LETTERS_A_MISTAKE = 3;
const MOST_MISTAKES = 3;

/** Words that a sentence names; more of them stand in a help text only. */
const MOST_NAMED = 4;
const OR = new Intl.ListFormat('en-GB', { type: 'disjunction' });

/** Words as 'one, another or a third' where they are few enough for a sentence. */
export function inFew(words: readonly string[]): string | undefined {
  return words.length > MOST_NAMED ? undefined : OR.format(words);
}

/**
 * The known word that somebody most likely meant, in whatever case it was typed; undefined where none is near.
 * @param known the words that there are
 */
export function nearest<Known extends string>(word: string, known: readonly Known[]): Known | undefined {
  const typed = word.toLowerCase();
  const words = known.map((one) => one.toLowerCase());
  const maxDistance = Math.min(MOST_MISTAKES, Math.ceil(typed.length / LETTERS_A_MISTAKE));
  // Longer ones cannot be near, and to compare a long text with each word takes time.
  if (typed.length > Math.max(0, ...words.map(({ length }) => length)) + maxDistance) return undefined;
  const match = closestMatch(typed, words, { maxDistance }) ?? swapped(typed, words);
  return match === undefined ? undefined : known[words.indexOf(match)];
}

/** The word of which somebody typed two neighbouring letters the wrong way round: one mistake, which by single letters counts as two. */
function swapped(typed: string, words: readonly string[]): string | undefined {
  return words.find((word) => {
    const k = [...typed].findIndex((letter, at) => letter !== word[at]);
    if (k < 0 || word.length !== typed.length) return false;
    return `${word.slice(0, k)}${word[k + 1]}${word[k]}${word.slice(k + 2)}` === typed;
  });
}
