import type { ChildProcess } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { aboutToRestart, UserError } from '../base/errors.ts';
import { explainFullDisk } from '../base/files.ts';
import type { Logger } from '../base/log.ts';
import type { VersionRegistry } from '../versions/registry.ts';
import { dataFolder, newJob } from './data.ts';
import { type Job, type JobStatus, RetrainingFiles, type RetrainingRequest } from './files.ts';
import { type Hold, Holds } from './hold.ts';
import type { Machines } from './machines.ts';
import { type BoardFinder, Boards, type Notice, type NoticeBoard, type Where } from './notice-boards.ts';
import { curvesOf, ProgressMessage, reportEnd, standingOf, statusNotice, statusText, underWay } from './telling.ts';
import { endOf, startTraining, type TrainingProcessOptions } from './training-process.ts';

interface RetrainingOptions extends TrainingProcessOptions {
  readonly dataDirectory: string;
  readonly registry: VersionRegistry;
  readonly log: Logger;
  /** Called when another version was put in use, so that this process need not wait for its next look. */
  readonly onPromoted?: () => Promise<void>;
  /** Least milliseconds between two edits of the message that follows a training: as often as platforms allow. */
  readonly editEveryMs?: number;
  /** The machines that share a Redis; this machine is alone where absent. `stop` closes it. */
  readonly machines?: Machines;
  /** Milliseconds between looks for a training that no process supervises. */
  readonly adoptEveryMs?: number;
}

/** A training is given up after its process has ended unexpectedly this many times without an epoch in between. */
const MAX_CRASHES = 5;
const RESTART_MS = 500;
/** Milliseconds between looks for a training whose bot has died, or that waits for one on another machine. */
const ADOPT_EVERY_MS = 30_000;
/** After so many of these looks an end that could not be reported is tried again. */
const LOOKS_BETWEEN_REPORTS = 10;

/** Runs one training at a time: starts it, supervises its process, reports its progress and its end. */
export class Retraining {
  readonly #options: RetrainingOptions;
  readonly #files: RetrainingFiles;
  readonly #holds: Holds;
  readonly #stopping = new AbortController();
  readonly #boards = new Boards();
  /** Name of the person who started the training of this id; known only in the process in which it was started. */
  #starter: { readonly job: string; readonly name: string } | undefined;
  #child: ChildProcess | undefined;
  #watch: Promise<void> | undefined;
  /** The newest status from the child: newer than the file while it trains, and the only one where the disk is full. */
  #latest: JobStatus | undefined;
  /** The training whose end could not be reported, and after how many more looks that is tried again. */
  #unreported: { readonly job: string; looks: number } | undefined;
  #adopting: NodeJS.Timeout | undefined;

  constructor(options: RetrainingOptions) {
    const { stateDirectory, machines, log } = options;
    this.#options = options;
    this.#files = new RetrainingFiles(stateDirectory);
    this.#holds = new Holds({ files: this.#files, machines, log, standingOf: (job) => standingOf(job, this.#latest) });
  }

  /**
   * Continues a training that ran when its bot ended, now and whenever the bot of another process dies.
   * @param serves whether this process can report on a platform; trainings of other platforms are left to other processes
   */
  async begin(findBoard: BoardFinder, serves: (platform: string) => boolean = () => true): Promise<void> {
    this.#boards.use(findBoard, serves);
    await this.#adopt();
    this.#adopting = setInterval(() => void this.#adopt(), this.#options.adoptEveryMs ?? ADOPT_EVERY_MS).unref();
  }

  /**
   * Starts a training and supervises it in the background.
   * @throws UserError 'busy' where one is under way; 'not-allowed' where the bot could not report on it in the channel;
   *   'bad-usage' or 'not-found' where the data option names no folder
   */
  async start(request: RetrainingRequest): Promise<Job> {
    const { job, folder } = await newJob(this.#options.dataDirectory, request);
    await this.#boards.expect(job);
    const hold = await this.#holdOrBusy();
    try {
      await this.#holds.shareOrBusy(hold, job);
      const last = await this.status();
      // It waits for its turn, or for the bot of its platform.
      if (last?.status.state === 'running') throw underWay(last, (one) => this.#starterOf(one));
      await rm(this.#files.runs, { recursive: true, force: true });
      await this.#files.writeJob(job);
    } catch (error) {
      await hold.release();
      throw explainFullDisk(error);
    }
    this.#starter = { job: job.id, name: request.name };
    this.#lookAfter(job, hold, folder);
    return job;
  }

  /** The last training and its status; undefined where there was none. */
  async status(): Promise<{ readonly job: Job; readonly status: JobStatus } | undefined> {
    const job = await this.#files.job();
    return job && { job, status: this.#latest?.job === job.id ? this.#latest : await this.#files.status(job.id) };
  }

  /** The status of the last training, and of one on another machine, as a message; undefined where there was none. */
  async statusNotice(): Promise<Notice | undefined> {
    const last = await this.status();
    const elsewhere = await this.#holds.elsewhereIfKnown(last?.job);
    return statusNotice(last && { ...last, starter: this.#starterOf(last.job) }, elsewhere);
  }

  /**
   * Cancels the training, in whichever process and on whichever machine it runs. A checkpoint is written first.
   * @throws UserError 'not-found' where none runs
   */
  async cancel(): Promise<void> {
    const last = await this.status();
    if (last?.status.state !== 'running') {
      if (await this.#holds.cancelElsewhere(last?.job)) return;
      throw new UserError('not-found', 'No training is under way.');
    }
    try {
      await this.#files.askToCancel(last.job.id);
    } catch (error) {
      throw explainFullDisk(error);
    }
    // The bot that trained may have died, with no other left on its platform. Then this one ends the training.
    await this.#adopt(true);
  }

  /**
   * Continues a training that was cancelled or failed.
   * @param where the channel in which it reports from now on; the same as before by default
   * @throws UserError where there is nothing to continue, or a training is running
   */
  async resume(where?: Where): Promise<Job> {
    if (where) await this.#boards.expect(where);
    const hold = await this.#holdOrBusy();
    try {
      const last = await this.status();
      if (!last) throw new UserError('not-found', 'There is no training to continue. /retrain start begins one.');
      const job = { ...last.job, ...where };
      if (last.status.state === 'finished')
        throw new UserError('bad-usage', 'The last training is finished. /retrain start begins another.');
      const folder = await dataFolder(this.#options.dataDirectory, job);
      await this.#holds.shareOrBusy(hold, job);
      await this.#files.writeJob(job);
      await this.#files.takeBackCancel();
      await this.#files.forgetEndReported();
      const { error: _, ...before } = last.status;
      await this.#files.writeStatus({ ...before, state: 'running', phase: 'starting' });
      this.#lookAfter(job, hold, folder);
      return job;
    } catch (error) {
      await hold.release();
      throw explainFullDisk(error);
    }
  }

  /** Waits until this process supervises no training any more. */
  async idle(): Promise<void> {
    await this.#watch;
  }

  /** Lets the training write a checkpoint and ends its process; the next bot continues it. */
  async stop(deadline: AbortSignal): Promise<void> {
    clearInterval(this.#adopting);
    this.#stopping.abort();
    const kill = () => this.#child?.kill('SIGKILL');
    if (deadline.aborted) kill();
    deadline.addEventListener('abort', kill, { once: true });
    await this.#watch;
    deadline.removeEventListener('abort', kill);
    await this.#holds.close();
  }

  #starterOf({ id }: Job): string {
    return this.#starter?.job === id ? this.#starter.name : 'an admin';
  }

  async #adopt(ofAnyPlatform = false): Promise<void> {
    if (this.#watch || this.#stopping.signal.aborted) return;
    try {
      const job = await this.#files.job();
      if (!job || !(ofAnyPlatform || this.#boards.serves(job.platform))) return;
      if (this.#unreported?.job === job.id && this.#unreported.looks-- > 0) return;
      // A training that failed here, with a disk too full to record it, is not restarted automatically.
      if (this.#latest?.job === job.id && this.#latest.state !== 'running') return;
      if (await this.#files.isEndReported(job.id)) return;
      const hold = await this.#holds.take();
      if (hold) this.#lookAfter(job, hold);
    } catch (error) {
      this.#options.log.error({ err: error }, 'an interrupted training could not be continued');
    }
  }

  #lookAfter(job: Job, hold: Hold, folder?: string): void {
    this.#latest = undefined;
    this.#unreported = undefined;
    this.#watch = this.#run(job, hold, folder)
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'a training could not be supervised'))
      .then(() => hold.release())
      .catch((error: unknown) => this.#options.log.error({ err: error }, 'a training’s lock could not be released'))
      .finally(() => {
        this.#watch = undefined;
      });
  }

  async #run(job: Job, hold: Hold, folder: string | undefined): Promise<void> {
    // Another process may have reported it just before this one took the lock.
    if (await this.#files.isEndReported(job.id)) return;
    const board = this.#boards.of(job);
    const message = new ProgressMessage(board, this.#options.log, this.#options.editEveryMs);
    let status = await this.#files.status(job.id);
    let [crashes, epochs] = [0, -1];
    while (status.state === 'running' && !this.#stopping.signal.aborted && !hold.lost.aborted) {
      if (await this.#files.isCancelled(job.id)) {
        status = { ...status, state: 'cancelled' };
        break;
      }
      // It is taken up again once the other machine's training has ended.
      if (!(await this.#holds.share(hold, job))) return;
      let ending: string;
      try {
        ending = await this.#train(job, hold, crashes === 0 ? folder : undefined, message);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        status = { ...status, state: 'failed', error: error.message };
        break;
      }
      status = this.#latest ?? (await this.#files.status(job.id));
      if (status.state !== 'running' || this.#stopping.signal.aborted || hold.lost.aborted) break;
      const done = status.progress?.history.length ?? 0;
      crashes = done > epochs ? 1 : crashes + 1;
      epochs = done;
      this.#options.log.warn({ ending, crashes }, 'a training ended unexpectedly; it continues from its checkpoint');
      if (crashes === MAX_CRASHES) {
        const error = `The training's process ended unexpectedly ${crashes} times (${ending}); the machine may be short of memory. /retrain resume tries again.`;
        status = { ...status, state: 'failed', error };
      }
      await delay(RESTART_MS);
    }
    if (status.state === 'running') return await message.close();
    await this.#keep(status);
    await message.close({ text: statusText(job, status, this.#starterOf(job)), ...curvesOf(status) });
    await this.#reportEnd(job, status, board);
  }

  /**
   * Runs the training's process once.
   * @param folder folder of the data, if it has just been looked up
   * @returns how it ended
   */
  async #train(job: Job, hold: Hold, folder: string | undefined, message: ProgressMessage): Promise<string> {
    const options = this.#options;
    const data = folder ?? (await dataFolder(options.dataDirectory, job));
    const paused = AbortSignal.any([this.#stopping.signal, hold.lost]);
    // A process that starts now would not be told to pause.
    if (paused.aborted) return 'not begun';
    const child = startTraining(options, data, join(this.#files.run(job.id), 'temporary'));
    this.#child = child;
    paused.addEventListener('abort', () => child.connected && child.send('pause'));
    child.on('message', (status: JobStatus) => {
      this.#latest = status;
      if (status.state === 'running')
        message.show({ text: statusText(job, status, this.#starterOf(job)), ...curvesOf(status) });
    });
    const { ending, complaint } = await endOf(child);
    this.#child = undefined;
    if (complaint !== '') options.log.warn({ complaint }, 'the training wrote to its standard error');
    return ending;
  }

  /** Reports the end. If that fails, this process tries again after a while, and so does the next bot that starts. */
  async #reportEnd(job: Job, status: JobStatus, board: NoticeBoard): Promise<void> {
    const { log, registry, onPromoted } = this.#options;
    if (status.result?.promoted) await onPromoted?.();
    if (await reportEnd(job, status, board, this.#files, { log, registry, starter: this.#starterOf(job) })) return;
    this.#unreported = { job: job.id, looks: LOOKS_BETWEEN_REPORTS };
  }

  /** Keeps the last status in the file or, where that cannot be written, in memory. */
  async #keep(status: JobStatus): Promise<void> {
    try {
      await this.#files.writeStatus(status);
      this.#latest = undefined;
    } catch (error) {
      this.#latest = status;
      this.#options.log.error({ err: error }, 'the status of a training cannot be written');
    }
  }

  async #holdOrBusy(): Promise<Hold> {
    if (this.#stopping.signal.aborted) throw aboutToRestart();
    const hold = await this.#holds.take().catch((error: unknown) => {
      throw explainFullDisk(error);
    });
    if (hold) return hold;
    throw underWay(await this.status(), (job) => this.#starterOf(job));
  }
}
