package stdlog

import (
	"bytes"
	"io"
	"log"
	"sync"
)

// unsolicited begins the message with what came beyond an answer (transport.go,
// readLoopPeekFailLocked), and verbose those that GODEBUG=http2debug turns on (h2_bundle.go): some
// of them quote header fields and data, by %q.
var (
	unsolicited = []byte("Unsolicited response received on idle HTTP channel")
	verbose     = []byte("http2: ")
)

const withheld = " (withheld: it is what the other side sent)\n"

// filter passes log messages on, those that quote the other side without the quotation.
type filter struct{ next io.Writer }

// Write implements io.Writer. The standard logger hands over each message whole.
func (f *filter) Write(p []byte) (int, error) {
	if _, err := f.next.Write(clean(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

// clean returns message, of which it cuts off what net/http quotes. Before it are the standard
// logger's prefix and time.
func clean(message []byte) []byte {
	end := -1
	if i := bytes.Index(message, unsolicited); i >= 0 {
		end = i + len(unsolicited)
	} else if i := bytes.Index(message, verbose); i >= 0 {
		end = bytes.IndexByte(message, '"')
	}
	if end < 0 {
		return message
	}
	return append(bytes.Clone(message[:end]), withheld...)
}

// armed is the flag by which [check] sees that the filter is in place without a lock: what sets
// another output by slog.SetDefault or zap.RedirectStdLog sets the flags, too. It has no meaning of
// its own where there is no prefix.
const armed = log.Lmsgprefix

// installing is held while the standard logger's output is looked at and set.
var installing sync.Mutex

// Install puts the filter in front of what the standard logger writes to, unless it is there. It is
// safe for parallel use.
func Install() {
	installing.Lock()
	defer installing.Unlock()
	put()
	arm()
}

// put reports whether the filter was missing.
func put() bool {
	out := log.Writer()
	if _, ok := out.(*filter); ok {
		return false
	}
	log.SetOutput(&filter{out})
	return true
}

func arm() {
	if log.Prefix() == "" {
		log.SetFlags(log.Flags() | armed)
	}
}

// check is [Install] for hot paths: it costs one atomic load while nothing has happened.
func check() {
	if log.Flags()&armed == 0 {
		restore()
	}
}

func restore() {
	installing.Lock()
	defer installing.Unlock()
	// The flags go before the output. While the filter is still there, somebody may be about to
	// replace it: the next check has to look again.
	if put() {
		arm()
	}
}
