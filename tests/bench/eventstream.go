package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// eventStreams measures streams whose events come at a rate that all contenders keep up with.
func eventStreams(b *bench, s scenario, t *table) error {
	contenders, err := b.openAll(s, t)
	defer b.endAll(contenders)
	if err != nil {
		return err
	}
	return b.takeTurns(s, t, contenders, func(c *contender) (turn, error) { return streaming(c, s.callers, s.turn) })
}

func streaming(c *contender, n int, duration time.Duration) (turn, error) {
	open, err := openStreams(c, n)
	if err != nil {
		return nil, errors.Join(err, closeAll(open))
	}
	var count atomic.Int64
	var counting sync.WaitGroup
	for _, stream := range open {
		counting.Go(func() { stream.count(&count) })
	}
	before, from, begun := c.usage(), count.Load(), time.Now()
	time.Sleep(duration)
	came, took := count.Load()-from, time.Since(begun)
	t := turn{events: float64(came) / took.Seconds()}
	c.spent(t, before, int(came))
	t[cpuEvent], t[allocsEvent] = t[cpu], t[allocs]
	if t[allocsEvent] == 0 {
		delete(t, allocsEvent)
	}
	err = closeAll(open)
	counting.Wait()
	if err == nil && came == 0 {
		err = errors.New("no event came")
	}
	return t, err
}

// count counts events until the stream is closed.
func (c *connection) count(n *atomic.Int64) {
	buffer := make([]byte, 4<<10)
	for {
		read, err := c.reader.Read(buffer)
		n.Add(int64(bytes.Count(buffer[:read], []byte{eventEnd})))
		if err != nil {
			return
		}
	}
}

// openStreams opens n streams, each of which has had an event.
func openStreams(c *contender, n int) (open []*connection, err error) {
	const parallel = 32
	var lock sync.Mutex
	var opening sync.WaitGroup
	for worker := range parallel {
		opening.Go(func() {
			for i := worker; i < n; i += parallel {
				stream, failed := c.openStream()
				lock.Lock()
				if failed != nil {
					err = failed
				} else {
					open = append(open, stream)
				}
				stop := err != nil
				lock.Unlock()
				if stop {
					return
				}
			}
		})
	}
	opening.Wait()
	if err != nil {
		err = fmt.Errorf("opening %d streams, of which %d are open: %w", n, len(open), err)
	}
	return open, err
}

func (c *contender) openStream() (*connection, error) {
	stream, err := c.dial()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(stream.send(), stream.awaitEvent()); err != nil {
		_ = stream.Close()
		return nil, err
	}
	return stream, nil
}

func closeAll(open []*connection) (err error) {
	for _, stream := range open {
		if e := stream.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = e
		}
	}
	return err
}

// settle is how long streams are idle before memory is read.
const settle = 3 * time.Second

// idle measures what streams take on which nothing happens. Each turn has a contender of its own:
// what was once taken is not given back at once.
func idle(b *bench, s scenario, t *table) error {
	n := min(s.callers, b.streams())
	t.note = fmt.Sprintf("%d streams; memory less what the process had before the first.", n)
	var contenders []*contender
	for _, name := range s.contenders {
		t.series = append(t.series, &series{name: name})
		contenders = append(contenders, &contender{name: name})
	}
	return b.takeTurns(s, t, contenders, func(c *contender) (turn, error) {
		fresh, err := b.open(c.name, s.setup)
		if fresh != nil {
			defer b.endAll([]*contender{fresh})
		}
		if err != nil {
			return nil, err
		}
		return idling(fresh, n)
	})
}

// streams is how many the file limit permits: a proxy has a connection to the caller and one to the
// upstream for each.
func (b *bench) streams() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 500
	}
	most := int(limit.Max)/2 - 200
	if b.quick {
		most = min(most, 1000)
	}
	return most
}

func idling(c *contender, n int) (turn, error) {
	rss, memory := c.rss(), readMemory(c.admin)
	open, err := openStreams(c, n)
	defer func() { _ = closeAll(open) }()
	if err != nil {
		return nil, err
	}
	time.Sleep(settle)
	after := c.rss()
	t := turn{streams: float64(n), streamRSS: float64(after-rss) / 1024 / float64(n),
		resident: float64(after) / (1 << 20)}
	if now := readMemory(c.admin); memory != nil && now != nil {
		more := now.HeapInuse + now.StackInuse - memory.HeapInuse - memory.StackInuse
		t[streamHeap] = float64(more) / 1024 / float64(n)
	}
	return t, nil
}
