import { rm } from 'node:fs/promises';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import { exactPercent } from '../base/numbers.ts';
import { duration, progressLine } from '../training/run/progress.ts';
import type { VersionRegistry } from '../versions/registry.ts';
import type { Job, JobStatus, RetrainingFiles } from './files.ts';
import type { Standing } from './machines.ts';
import type { Notice, NoticeBoard } from './notice-boards.ts';
import { earlyLine, resultNotice } from './result-notice.ts';

/** Milliseconds between edits: platforms limit how often a message may be edited. */
const EDIT_EVERY_MS = 5000;
/** Milliseconds after which a fresh message is posted: messages older than an hour may be edited even less often. */
const FRESH_EVERY_MS = 50 * 60_000;
/** Milliseconds until a failed message is tried again: a platform out of reach usually stays so for a while. */
const RETRY_MS = 60_000;

/**
 * A message that shows a training's progress. It is edited at most every 5 s with the newest text, and replaced by a fresh one
 * every 50 minutes. Its errors never reach the training. A message that somebody deleted is not posted again until it is time
 * for a fresh one.
 */
export class ProgressMessage {
  readonly #board: NoticeBoard;
  readonly #log: Logger;
  readonly #everyMs: number;
  #message: { update(notice: Notice): Promise<boolean> } | undefined;
  #postedAt = Number.NEGATIVE_INFINITY;
  /** When the next text may be sent. */
  #nextAt = Number.NEGATIVE_INFINITY;
  #pending: Notice | undefined;
  #shown: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #closed = false;

  /** @param everyMs least milliseconds between two edits */
  constructor(board: NoticeBoard, log: Logger, everyMs = EDIT_EVERY_MS) {
    this.#board = board;
    this.#log = log;
    this.#everyMs = everyMs;
  }

  /** Shows a notice as soon as the limits allow. Never throws. */
  show(notice: Notice): void {
    this.#pending = notice;
    this.#schedule();
  }

  /**
   * Drops the waiting text, waits for the one being sent, then shows the last one. Never rejects.
   * @param last says how the training ended; absent where the training goes on without this message
   */
  async close(last?: Notice): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#sending;
    const wait = this.#nextAt - performance.now();
    // After a recent failure the wait would be long. The end is posted as a message of its own anyway.
    if (last === undefined || !this.#message || wait > this.#everyMs) return;
    await new Promise((done) => setTimeout(done, Math.max(0, wait)));
    await this.#try(() => this.#edit(last));
  }

  /** Sends one text at a time. Of the texts that come while one is being sent, only the newest is sent next. */
  #schedule(): void {
    if (this.#timer || this.#sending || this.#closed || this.#pending?.text === this.#shown) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#sending = this.#send(this.#pending!).finally(() => {
          this.#sending = undefined;
          this.#schedule();
        });
      },
      Math.max(0, this.#nextAt - performance.now()),
    );
  }

  async #send(notice: Notice): Promise<void> {
    await this.#try(async () => {
      const now = performance.now();
      if (now - this.#postedAt < FRESH_EVERY_MS) return await this.#edit(notice);
      this.#message = await this.#board.post(notice);
      this.#postedAt = now;
      this.#shown = notice.text;
    });
  }

  async #edit(notice: Notice): Promise<void> {
    if (this.#message && !(await this.#message.update(notice))) this.#message = undefined;
    this.#shown = notice.text;
  }

  async #try(sending: () => Promise<void>): Promise<void> {
    try {
      await sending();
      this.#nextAt = performance.now() + this.#everyMs;
    } catch (error) {
      this.#nextAt = performance.now() + RETRY_MS;
      this.#log.warn({ err: error }, 'the progress of a training could not be shown');
    }
  }
}

const PHASES: Readonly<Record<JobStatus['phase'], string>> = {
  starting: 'Getting ready…',
  checking: 'Looking the data through…',
  training: 'Training…',
  judging: 'Judging the best epoch on PublicTest and PrivateTest…',
};

/**
 * The status of a training, in lines.
 * @param starter name of the person who started it
 */
export function statusText(job: Job, status: JobStatus, starter: string): string {
  const { state, phase, progress, findings, error, result } = status;
  const lines = [
    `Training ${String(job.plan.architecture)}, started by ${starter}`,
    ...findings,
    ...(progress && state !== 'failed' ? [howFar(state, phase, progress)] : []),
    ...(progress && progress.history.length > 0 ? [publicTestLine(progress)] : []),
  ];
  if (state === 'running' && (phase !== 'training' || !progress)) lines.push(PHASES[phase]);
  if (state === 'cancelled') lines.push('Cancelled. /retrain resume continues from the last checkpoint.');
  if (state === 'failed') lines.push(error ?? 'It failed.');
  if (state === 'finished' && result)
    lines.push(`Finished: version ${result.version}${result.promoted ? ', put in use' : ', not put in use'}.`);
  return lines.join('\n');
}

/** The learning curves of a training so far; nothing before its first epoch has ended. */
export function curvesOf({ progress }: JobStatus): Pick<Notice, 'figures'> {
  return progress && progress.history.length > 0 ? { figures: { curves: progress.history } } : {};
}

/** The error that a training is under way already, with its progress and who started it. */
export function underWay(
  last: { readonly job: Job; readonly status: JobStatus } | undefined,
  starterOf: (job: Job) => string,
): UserError {
  const sentence = 'A training is under way already';
  // Just after a training took the lock, and just before it releases it, the files describe an earlier training or an ended one.
  if (last?.status.state !== 'running')
    return new UserError('busy', `${sentence}: it is beginning or ending. Try again in a moment.`);
  const { progress } = last.status;
  const stands = progress ? `, epoch ${progress.epoch} of ${progress.epochs}` : '';
  return new UserError('busy', `${sentence} (started by ${starterOf(last.job)}${stands}). /retrain status tells more.`);
}

/** The error that a training is under way on another machine already, with its progress. */
export function underWayElsewhere(standing: Standing | undefined): UserError {
  const stands = standing?.epoch === undefined ? '' : ` (epoch ${standing.epoch} of ${standing.epochs})`;
  return new UserError(
    'busy',
    `A training is under way already, on another machine${stands}. /retrain status tells more.`,
  );
}

/** The status of this machine's last training, and of one on another machine, as a message; undefined where there is neither. */
export function statusNotice(
  last: { readonly job: Job; readonly status: JobStatus; readonly starter: string } | undefined,
  elsewhere: Standing | undefined,
): Notice | undefined {
  const there = elsewhere && elsewhereLine(elsewhere);
  if (!last) return there === undefined ? undefined : { text: there };
  const { job, status, starter } = last;
  const here =
    status.state === 'running'
      ? 'The one of this machine waits until that has ended:'
      : 'The last one of this machine:';
  const lines = [...(there === undefined ? [] : [there, here]), statusText(job, status, starter)];
  return { text: lines.join('\n'), ...curvesOf(status) };
}

function elsewhereLine({ architecture, epoch, epochs }: Standing): string {
  const stands = epoch === undefined ? 'it gets ready' : `epoch ${epoch} of ${epochs}`;
  return `Training ${architecture} on another machine: ${stands}. Its progress is reported where it was started.`;
}

/** What other machines are told about a training. */
export function standingOf({ id, plan }: Job, status: JobStatus | undefined): Standing {
  const { progress } = status ?? {};
  const architecture = String(plan.architecture);
  return { job: id, architecture, ...(progress && { epoch: progress.epoch, epochs: progress.epochs }) };
}

function howFar(
  state: JobStatus['state'],
  phase: JobStatus['phase'],
  progress: NonNullable<JobStatus['progress']>,
): string {
  const { epoch, epochs, history } = progress;
  if (phase === 'judging' && epoch < epochs)
    return earlyLine({ epochs: epoch, plannedEpochs: epochs, bestEpoch: bestOf(progress) + 1 });
  // The progress line tells the time left, which an ended training does not have.
  if (state === 'running' && phase !== 'judging') return progressLine(progress);
  if (history.length === 0) return 'It ended within the first epoch.';
  const took = duration(history.reduce((sum, { seconds }) => sum + seconds, 0));
  return `${history.length === epochs ? '' : `${history.length} of `}${epochs} ${epochs === 1 ? 'epoch' : 'epochs'} in ${took}`;
}

function publicTestLine(progress: NonNullable<JobStatus['progress']>): string {
  const accuracies = progress.history.map(({ valAccuracy }) => valAccuracy);
  const best = bestOf(progress);
  return (
    `PublicTest after epoch ${accuracies.length}: ${exactPercent(accuracies.at(-1)!)} ` +
    `(best ${exactPercent(accuracies[best]!)} after epoch ${best + 1})`
  );
}

/** The epoch, from 0, with the highest accuracy on PublicTest, the first of equal ones: the training keeps its weights. */
function bestOf({ history }: NonNullable<JobStatus['progress']>): number {
  const accuracies = history.map(({ valAccuracy }) => valAccuracy);
  return accuracies.indexOf(Math.max(...accuracies));
}

interface EndReporter {
  readonly log: Logger;
  readonly registry: VersionRegistry;
  /** Name of the person who started the training. */
  readonly starter: string;
}

/** Reports how a training ended, and remembers that it was reported. Never rejects. @returns whether it was reported */
export async function reportEnd(
  job: Job,
  status: JobStatus,
  board: NoticeBoard,
  files: RetrainingFiles,
  reporter: EndReporter,
): Promise<boolean> {
  try {
    await postEnd(job, status, board, reporter);
  } catch (error) {
    reporter.log.warn({ err: error }, 'the end of a training could not be told');
    return false;
  }
  if (status.state === 'finished') {
    await rm(files.runs, { recursive: true, force: true }).catch((error: unknown) => {
      reporter.log.warn({ err: error }, 'the checkpoints of a training that has ended could not be removed');
    });
  }
  try {
    await files.markEndReported(job.id);
  } catch (error) {
    reporter.log.warn(
      { err: error },
      'the end of a training was told, but the file that remembers this could not be written',
    );
  }
  return true;
}

/** Posts how a training ended: its result with pictures, or why there is none. */
async function postEnd(
  job: Job,
  status: JobStatus,
  board: NoticeBoard,
  { log, registry, starter }: EndReporter,
): Promise<void> {
  // By its training: its number changes where another machine has given the same one.
  const card = status.result && (await registry.list()).find((one) => one.job === job.id);
  if (!card) {
    await board.post({ text: statusText(job, status, starter) });
    return;
  }
  const notice = await resultNotice(card, { ...job, ...status.result! }, registry.directoryOf(card.version));
  try {
    await board.post(notice);
  } catch (error) {
    // The bot may be allowed to write there, but not to post files.
    log.warn({ err: error }, 'the result of a training could not be told with its pictures');
    const where = `Its pictures could not be posted here; they lie in versions/${card.version}/reports of MODEL_DIR.`;
    await board.post({ text: `${notice.text}\n${where}` });
  }
}
