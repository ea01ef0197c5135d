import { noticeBoard, openSite, type Site, tinyTraining } from './retraining.ts';

/** The part of a bot that trains, as a process that a test can kill: site, epochs and perhaps a data folder as JSON. */
const { site, epochs, data } = JSON.parse(process.argv[2]!) as { site: Site; epochs: number; data?: string };
const { retraining } = openSite(site);
const board = noticeBoard();
await retraining.begin(async () => board);
await retraining.start(tinyTraining(epochs, data === undefined ? {} : { data }));
await retraining.idle();
