/**
 * What is loaded before every test file that shares a process with others: Vega-Lite gives every Set a method of its own, with which
 * discord.js cannot be loaded any more (see src/training/pictures/charts.ts).
 */
import 'discord.js';
