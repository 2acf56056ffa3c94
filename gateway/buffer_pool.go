package gateway

import "sync"

// buffers lends the buffers that bodies are copied through.
var buffers = &bufferPool{pool: sync.Pool{New: func() any { return new([bufferSize]byte) }}}

// bufferSize is what io.Copy uses.
const bufferSize = 32 << 10

type bufferPool struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (p *bufferPool) Get() []byte { return p.pool.Get().(*[bufferSize]byte)[:] }

// Put implements httputil.BufferPool. The buffer is wiped: a provider's answer may hold a
// credential, and must not stay in memory for as long as the pool pleases.
func (p *bufferPool) Put(b []byte) {
	clear(b)
	p.pool.Put((*[bufferSize]byte)(b))
}
