import { clientCases } from './support/client.ts';
import { suiteEngine } from './support/suite.ts';

const { engine } = suiteEngine();

// Debian's python: its docker module is the package's, while another python on PATH may have another, or none.
clientCases({ title: 'docker-py', command: ['/usr/bin/python3', 'docker_py.py'], engine });
