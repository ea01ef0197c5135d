import { emotionsCommand, type PhotoServices } from './emotions.ts';
import { helpCommand } from './help.ts';
import { privacyCommand } from './privacy.ts';
import { CommandRegistry } from './registry.ts';
import { type RetrainServices, retrainCommand } from './retrain.ts';

/** All commands. A new command is added here and nowhere else. */
export function createCommands(services: PhotoServices, training?: RetrainServices): CommandRegistry {
  const registry = new CommandRegistry();
  registry.add(emotionsCommand(services));
  registry.add(privacyCommand(services));
  registry.add(retrainCommand(training));
  registry.add(helpCommand(registry));
  return registry;
}
