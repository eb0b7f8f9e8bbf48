package bucket

import (
	"runtime"
	"sync"
)

// A mutex is for what is held for some hundred nanoseconds: less than it takes to go to sleep and be woken. Who finds
// it locked tries again for a while, which sync.Mutex does only where a processor has nothing else to do; then all but
// one sleep, and that one lets others run between its tries.
type mutex struct {
	sync.Mutex
	queue sync.Mutex // of those who have tried in vain
}

// tries is how often a mutex is tried before one joins the queue: for about half a microsecond.
const tries = 200

func (m *mutex) Lock() {
	if !m.TryLock() {
		m.wait()
	}
}

func (m *mutex) wait() {
	if m.try() {
		return
	}
	m.queue.Lock()
	defer m.queue.Unlock()
	for !m.try() {
		runtime.Gosched()
	}
}

func (m *mutex) try() bool {
	for range tries {
		if m.TryLock() {
			return true
		}
	}
	return false
}
