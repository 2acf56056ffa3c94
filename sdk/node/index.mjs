// The same classes as by require, so that instanceof holds in programs that mix both.
import sdk from './index.js';

export const {
  VendgatePlatform,
  PabblyConnectPlatform,
  VendgateError,
  PabblyConnectError,
  InvalidUserEmailError,
  InvalidRequestError,
  InvalidTenantKeyError,
  NeedsReconnectionError,
  CapabilityDisabledError,
  PolicyDeniedError,
  ConnectionDeletedError,
  UnknownAppError,
  ConnectionInUseError,
  ConnectionNotActiveError,
  RequestTooLargeError,
  RateLimitedError,
  UpstreamUnavailableError,
  TimeoutError,
  vendgateFetch,
  vendgateInterceptor,
  vendgateAxios,
  vendgateGot,
} = sdk;
