// The major version before, for those who have not moved on.
import { slack } from './slack.mjs';

export default slack('slack 7', 'requestInterceptor', 1);
