import { UserError } from '../base/errors.ts';
import type { Figures } from '../training/pictures/figures.ts';
import type { Job } from './files.ts';

/** A channel in which a training reports. */
export interface NoticeBoard {
  /** Sends an ordinary message. `update` edits it and resolves to false where somebody has deleted it. */
  post(notice: Notice): Promise<{ update(notice: Notice): Promise<boolean> }>;
}

/** The message that is returned for a channel that is gone: updating it does nothing. */
const NO_NOTICE = { update: async () => true };

/** A message of a training. */
export interface Notice {
  readonly text: string;
  /** The data behind the text and the pictures, for a platform that draws its own charts. */
  readonly figures?: Figures;
  readonly pictures?: readonly {
    readonly bytes: Uint8Array;
    readonly mime: string;
    readonly name: string;
    readonly altText: string;
  }[];
}

/** The channel in which a training reports. */
export type Where = Pick<Job, 'platform' | 'channel'>;

/** A channel by its platform's name and its id; undefined where it is gone or closed to the bot. */
export type BoardFinder = (platform: string, channel: string) => Promise<NoticeBoard | undefined>;

/** The channels in which a training may report; none until the bot is connected. */
export class Boards {
  #find: BoardFinder = async () => {
    throw new UserError('busy', 'I am still getting ready. Try again in a moment.');
  };
  #serves: (platform: string) => boolean = () => false;

  /** Sets how channels are found. @param serves whether this process can report on a platform */
  use(find: BoardFinder, serves: (platform: string) => boolean): void {
    this.#find = find;
    this.#serves = serves;
  }

  /** Whether this process can report on a platform. */
  serves(platform: string): boolean {
    return this.#serves(platform);
  }

  /** The channel in which a training reports. It is looked up for each message: a platform may be out of reach for a while. */
  of({ platform, channel }: Where): NoticeBoard {
    return {
      post: async (notice) => {
        const board = await this.#find(platform, channel);
        return board ? await board.post(notice) : NO_NOTICE;
      },
    };
  }

  /** Checks a channel. @throws UserError 'not-allowed' where the bot could not report on a training there */
  async expect({ platform, channel }: Where): Promise<void> {
    if (await this.#find(platform, channel)) return;
    throw new UserError(
      'not-allowed',
      'I may not write in this channel by myself, so I could not say here how the training goes. Invite me or let me send messages here, or ask in another channel.',
    );
  }
}
