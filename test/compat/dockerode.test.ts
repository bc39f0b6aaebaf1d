import { clientCases } from './support/client.ts';
import { suiteEngine } from './support/suite.ts';

const { engine } = suiteEngine();

// In Node, which dockerode is written for.
clientCases({ title: 'dockerode', command: ['node', 'dockerode.mjs'], engine });
