// All tests, in one process: they share a browser and the servers.
import { after, before } from 'node:test';
import { setWorld, world } from './suite.mjs';
import { startWorld } from './harness/world.mjs';

before(async () => setWorld(await startWorld()));
after(() => world()?.stop());

for (const name of process.env.CASES?.split(',') ?? ['popup', 'plain', 'invitation', 'form', 'apps', 'dashboard', 'security', 'keyboard', 'clients', 'pages']) await import(`./cases/${name}.mjs`);
