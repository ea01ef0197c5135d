/**
 * Loaded before every test file that shares a process with others. Vega-Lite adds a method to every Set, and discord.js cannot be loaded
 * after that (see src/training/pictures/charts.ts).
 */
import 'discord.js';
