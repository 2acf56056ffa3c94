package gateway

import (
	"net/http/httputil"
	"sync"
)

const (
	// smallBuffer is the size in bytes of a buffer that a call may keep for hours: that of an event
	// stream, which waits for the next event. Most events are smaller; half this size would double the
	// cost of long ones.
	smallBuffer = 8 << 10
	// largeBuffer is the size in bytes that io.Copy uses.
	largeBuffer = 32 << 10
)

// smallBuffers and largeBuffers lend the buffers that bodies are copied through.
var smallBuffers, largeBuffers = newBufferPool(smallBuffer), newBufferPool(largeBuffer)

// bufferPool lends buffers of one size.
type bufferPool struct{ pool sync.Pool }

func newBufferPool(size int) *bufferPool {
	return &bufferPool{pool: sync.Pool{New: func() any {
		b := make([]byte, size)
		return &b
	}}}
}

func (p *bufferPool) get() *[]byte { return p.pool.Get().(*[]byte) }

// put takes b back, and wipes it: a provider's answer may hold a credential, and must not stay in
// memory for as long as the pool pleases.
func (p *bufferPool) put(b *[]byte) {
	clear(*b)
	p.pool.Put(b)
}

// responseBuffer lends the buffer that a call's response is copied through. ReverseProxy asks for
// it after [modifyResponse], once, and gives it back at the body's end.
type responseBuffer call

// Get implements httputil.BufferPool. The buffer is small where a large one would not be filled,
// and where it would be kept for long.
func (r *responseBuffer) Get() []byte {
	r.head.buffers = largeBuffers
	if r.head.events || 0 <= r.head.length && r.head.length <= smallBuffer {
		r.head.buffers = smallBuffers
	}
	r.head.buffer = r.head.buffers.get()
	return *r.head.buffer
}

// Put implements httputil.BufferPool.
func (r *responseBuffer) Put([]byte) {
	r.head.buffers.put(r.head.buffer)
	r.head.buffer = nil
}

var _ httputil.BufferPool = (*responseBuffer)(nil)
