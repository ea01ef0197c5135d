import { openSite, type Site, tinyTraining } from './retraining.ts';

/** The part of a bot that trains, as a process that a test can kill: site and epochs as JSON; 0 epochs starts nothing. */
const { site, epochs } = JSON.parse(process.argv[2]!) as { site: Site; epochs: number };
const { retraining } = openSite(site);
await retraining.begin(async () => undefined);
if (epochs > 0) await retraining.start(tinyTraining(epochs));
await retraining.idle();
