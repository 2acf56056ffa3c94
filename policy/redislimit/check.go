package redislimit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ConfigError is a mistake in the configuration of the gateway or of Redis. Its message says what
// to do.
type ConfigError struct{ message string }

func (e *ConfigError) Error() string { return e.message }

// The oldest Redis that is taken: 6.2 of 2021.
const oldestMajor, oldestMinor = 6, 2

// inspectOnce looks at the server until it has answered once.
func (l *Limiter) inspectOnce(ctx context.Context) error {
	if l.inspected {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout) // no request waits for it
	defer cancel()
	text, err := l.client.Info(ctx).Result()
	if redis.IsPermissionError(err) {
		// An account that may not ask is not an account that may not count.
		l.setting.Load().log.Warn("Redis's user may not run INFO: its version and eviction policy are not checked")
		l.inspected = true
		return nil
	}
	if err != nil {
		return err
	}
	info := parseInfo(text)
	if err := checkVersion(info["redis_version"]); err != nil {
		return err
	}
	if p := info["maxmemory_policy"]; p != "" && p != "noeviction" {
		l.setting.Load().log.Warn("Redis may evict budgets, which forgives what was spent: set maxmemory-policy noeviction",
			"maxmemory_policy", p, "maxmemory", info["maxmemory"])
	}
	l.inspected = true
	return nil
}

func parseInfo(text string) map[string]string {
	info := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			info[name] = value
		}
	}
	return info
}

func checkVersion(version string) error {
	major, rest, _ := strings.Cut(version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	x, err1 := strconv.Atoi(major)
	y, err2 := strconv.Atoi(minor)
	known := err1 == nil && err2 == nil
	if !known || x > oldestMajor || x == oldestMajor && y >= oldestMinor {
		return nil // a version that cannot be read is not known to be too old
	}
	return &ConfigError{fmt.Sprintf("Redis %s is too old: run Redis %d.%d or later, or Valkey", version, oldestMajor,
		oldestMinor)}
}

// mistake returns a [ConfigError] for what no waiting will change, else nil.
func mistake(err error) error {
	var config *ConfigError
	var server redis.Error
	var plain tls.RecordHeaderError
	var certificate *tls.CertificateVerificationError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &config):
		return config
	case redis.IsAuthError(err), redis.HasErrorPrefix(err, "ERR AUTH"):
		return &ConfigError{"Redis refuses the user or the password of the url: correct them"}
	case redis.IsPermissionError(err):
		return &ConfigError{"Redis's user lacks a right: permit it +eval +evalsha +info +time +get +set +del " +
			"+zadd +zrem +zcard +zremrangebyscore +expire and the keys vendgate:*"}
	case redis.IsReadOnlyError(err):
		return &ConfigError{"Redis is a read-only replica: name the primary in the url, or Sentinel"}
	case errors.As(err, &plain):
		return &ConfigError{"Redis does not speak TLS at this port: write redis:// instead of rediss://, or its TLS port"}
	case errors.As(err, &certificate), errors.As(err, new(x509.UnknownAuthorityError)):
		return &ConfigError{"Redis's certificate is not trusted: name the host as in the certificate, " +
			"and trust its authority on this machine"}
	case errors.As(err, &server) && !passing(err):
		return &ConfigError{"Redis refuses what the limiter asks: " + server.Error()}
	}
	return nil
}

// passing reports whether an answer of the server says that it will be well again by itself.
func passing(err error) bool {
	return errors.Is(err, redis.Nil) || redis.IsLoadingError(err) || redis.IsMasterDownError(err) ||
		redis.IsClusterDownError(err) || redis.IsTryAgainError(err) || redis.IsMaxClientsError(err) ||
		redis.IsOOMError(err) || redis.IsNoReplicasError(err) || redis.HasErrorPrefix(err, "BUSY")
}

// explain says in the log what is wrong.
func explain(err error, timeout time.Duration) string {
	if m := mistake(err); m != nil {
		return m.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + timeout.String()
	}
	return err.Error()
}
