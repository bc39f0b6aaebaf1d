export { derivedId, networkId } from '../../model/derived-id.ts';
