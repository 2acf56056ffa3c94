package redislimit

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	// go-redis is Redis's own client: one face for a server, Sentinel and Cluster, scripts by digest,
	// and a pool that gives up by the context's deadline.
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrURL says how to write the URL. It repeats nothing of it: there is a password in it.
var ErrURL = errors.New("the url is invalid: write redis://USER:PASSWORD@HOST:6379/0, rediss://… for TLS, " +
	"unix://USER:PASSWORD@/PATH?db=0, redis+cluster://USER:PASSWORD@HOST:6379?addr=HOST2:6379, or " +
	"redis+sentinel://USER:PASSWORD@HOST:26379/0?master_name=NAME&addr=HOST2:26379; " +
	"encode other characters of the password, like %40 for @")

const (
	// dialTimeout bounds a dial, which goes on when the call that needed it has given up.
	dialTimeout = time.Second
	// minIdle connections are kept open, so that a request seldom waits for a dial.
	minIdle = 2
)

// noNotices keeps the client from asking for Redis Enterprise's notices of maintenance.
var noNotices = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}

// quiet discards go-redis's own log, which has a line for each dial that fails.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

func init() { redis.SetLogger(quiet{}) }

// newClient connects to nothing yet.
func newClient(address string, timeout time.Duration) (redis.UniversalClient, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, ErrURL // the cause quotes the URL
	}
	switch u.Scheme {
	case "redis+cluster", "rediss+cluster":
		u.Scheme = strings.TrimSuffix(u.Scheme, "+cluster")
		o, err := redis.ParseClusterURL(u.String())
		if err != nil || u.Host == "" {
			return nil, ErrURL
		}
		o.MaxRetries, o.MaxRedirects, o.ContextTimeoutEnabled = -1, 2, true
		o.DialerRetries, o.MinIdleConns, o.MaintNotificationsConfig = 1, minIdle, noNotices
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTimeout, timeout, timeout, timeout
		return redis.NewClusterClient(o), nil
	case "redis+sentinel", "rediss+sentinel":
		return newFailover(u, timeout)
	}
	o, err := redis.ParseURL(address)
	if err != nil || o.Network != "unix" && u.Host == "" {
		return nil, ErrURL
	}
	o.MaxRetries, o.ContextTimeoutEnabled = -1, true
	o.DialerRetries, o.MinIdleConns, o.MaintNotificationsConfig = 1, minIdle, noNotices
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTimeout, timeout, timeout, timeout
	return redis.NewClient(o), nil
}

// newFailover returns a client of the master that Sentinel names. User and password of the URL are
// Redis's; sentinel_username and sentinel_password in its query are those of Sentinel itself.
func newFailover(u *url.URL, timeout time.Duration) (redis.UniversalClient, error) {
	u.Scheme = strings.TrimSuffix(u.Scheme, "+sentinel")
	query, user := u.Query(), u.User
	u.User = url.UserPassword(query.Get("sentinel_username"), query.Get("sentinel_password"))
	query.Del("sentinel_username")
	query.Del("sentinel_password")
	u.RawQuery = query.Encode()
	o, err := redis.ParseFailoverURL(u.String())
	if err != nil || u.Host == "" || o.MasterName == "" {
		return nil, ErrURL
	}
	o.Username = user.Username()
	o.Password, _ = user.Password()
	o.MaxRetries, o.ContextTimeoutEnabled = -1, true
	o.DialerRetries, o.MinIdleConns = 1, minIdle
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTimeout, timeout, timeout, timeout
	return redis.NewFailoverClient(o), nil
}
