import { noticeBoard, openSite, type Site, tinyTraining } from './retraining.ts';

/**
 * The part of a bot that trains, as a process that a test can kill. Its argument is site and epochs as JSON. It continues a training that
 * an earlier process has begun.
 */
const { site, epochs } = JSON.parse(process.argv[2]!) as { site: Site; epochs: number };
const { retraining } = openSite(site);
const board = noticeBoard();
await retraining.begin(async () => board);
if (!(await retraining.status())) await retraining.start(tinyTraining(epochs));
await retraining.idle();
