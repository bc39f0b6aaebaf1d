export { derivedId, networkId } from '../../lib/derived-id.ts';
