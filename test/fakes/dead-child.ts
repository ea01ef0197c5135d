/** The training's process as one that dies as soon as it has begun. */
process.kill(process.pid, 'SIGKILL');
