package bucket

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
	"unicode/utf8"
)

// saveChunk is how many buckets or kinds Save looks at before it lets requests in between.
const saveChunk = 256

// Save writes what should outlive a restart: blocks, what was learned of each kind, which buckets share a counter,
// which owners share limits, and what is owed to policies. It does not write how much is left of windows: after a
// restart, the first request on each bucket goes ahead to see, as long as a window from before may be open.
//
// The keys that it writes hold digests of credentials, as adapters make them, and no credential. Times are written by
// the wall clock. A key that is not valid UTF-8 is left out.
//
// Requests need not wait for it: it looks at a few buckets at a time, and writes while it holds no lock. What changes
// meanwhile may be written as before or as after. Its error is that of w.
func (r *Registry) Save(w io.Writer) error {
	if err := r.save(w); err != nil {
		return fmt.Errorf("bucket: saving the registry: %w", err)
	}
	return nil
}

func (r *Registry) save(w io.Writer) error {
	s := saver{r: r, sum: sha256.New()}
	s.out = bufio.NewWriter(io.MultiWriter(w, s.sum))
	r.mu.Lock()
	s.at, s.wall = r.now(), time.Now().Round(0)
	r.mu.Unlock()
	s.write(savedHeader{Format: savedFormat, Version: savedVersion, Saved: s.wall})
	s.buckets()
	s.kinds()
	s.owners()
	if s.err == nil {
		s.err = s.out.Flush()
	}
	if s.err == nil {
		_, s.err = w.Write(savedLast(s.sum))
	}
	return s.err
}

// SaveFile saves the registry to a file that only its owner may read. It puts a complete file in the place of the old
// one, which stays if anything fails. When it returns, the file is on the disk, by its name, where the system can tell.
func (r *Registry) SaveFile(path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp") // with mode 0600
	if err != nil {
		return fmt.Errorf("bucket: saving the registry: %w", err)
	}
	err = r.save(f)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("bucket: saving the registry to %s: %w", path, err)
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("bucket: saving the registry to %s, which is there: %w", path, err)
	}
	return nil
}

// savedLast is the line that ends a saved registry, of whose other lines sum is the sum.
func savedLast(sum hash.Hash) []byte {
	line, err := json.Marshal(savedLine{End: &savedEnd{SHA256: hex.EncodeToString(sum.Sum(nil))}})
	if err != nil {
		panic("bug: " + err.Error())
	}
	return append(line, '\n')
}

// A saver is the work of Save.
type saver struct {
	r    *Registry
	at   instant   // when it began
	wall time.Time // the same moment
	out  *bufio.Writer
	sum  hash.Hash
	err  error // the first

	gathered []savedLine
}

func (s *saver) time(i instant) time.Time { return s.wall.Add(time.Duration(i - s.at)) }

// write writes a line.
func (s *saver) write(v any) {
	if s.err != nil {
		return
	}
	line, err := json.Marshal(v)
	if err != nil {
		s.err = err
		return
	}
	if len(line) < longestLine {
		_, s.err = s.out.Write(append(line, '\n'))
	}
}

// pause writes what was gathered, and lets requests in between. It requires that r.mu is held.
func (s *saver) pause() {
	s.r.mu.Unlock()
	defer s.r.mu.Lock()
	for i := range s.gathered {
		s.write(&s.gathered[i])
	}
	clear(s.gathered)
	s.gathered = s.gathered[:0]
}

// buckets goes from the end, so that none is missed for another that goes: what takes its place was looked at, or
// will be.
func (s *saver) buckets() {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.all) - 1; i >= 0 && s.err == nil; i-- {
		if i < len(r.all) {
			s.bucket(r.all[i])
		}
		if i%saveChunk == 0 {
			s.pause()
		}
	}
}

func (s *saver) kinds() {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	looked := 0
	for _, k := range r.kinds {
		s.kind(k)
		if looked++; looked%saveChunk == 0 {
			s.pause()
		}
		if s.err != nil {
			return
		}
	}
	s.pause()
}

// owners comes last: a bucket that was written under the name that its owner had before is found all the same.
func (s *saver) owners() {
	r := s.r
	r.mu.Lock()
	defer r.mu.Unlock()
	looked := 0
	for o := range r.owners {
		as := r.resolve(Key{Provider: o.provider, Owner: o.name}).Owner
		if utf8.ValidString(o.provider) && utf8.ValidString(o.name) && utf8.ValidString(as) {
			s.gathered = append(s.gathered, savedLine{Owner: &savedOwner{Provider: o.provider, Name: o.name, As: as}})
		}
		if looked++; looked%saveChunk == 0 {
			s.pause()
		}
		if s.err != nil {
			return
		}
	}
	s.pause()
}

func (s *saver) kind(k *kind) {
	if s.r.resolve(k.key) != k.key || !k.key.valid() || !utf8.ValidString(k.alias) {
		return
	}
	strict := k.strict != nil && k.strict.until > s.at
	to := &savedKind{savedKey: savedKey(k.key), Alias: k.alias, Split: k.split, Hidden: s.hidden(k.hidden)}
	if k.limit == 0 && k.alias == "" && !k.split && !strict && to.Hidden == nil {
		return
	}
	if k.limit != 0 {
		to.Holds, to.Long, to.Votes, to.Fixed = k.limit, k.long, k.votes, k.fixed
		to.Least, to.Most = k.period.lo, k.period.hi
	}
	if strict {
		to.Strict, to.Until = s.policy(k.strict.policy), s.time(k.strict.until)
	}
	s.gathered = append(s.gathered, savedLine{Kind: to})
}

func (s *saver) bucket(b *state) {
	key := b.key()
	if !key.valid() || b.counted() && s.r.resolve(key) != key { // its requests are another owner's bucket's
		return
	}
	to := &savedBucket{savedKey: savedKey(key)}
	if b.blocked > s.at {
		to.Until, to.Refusals = s.time(b.blocked), b.refusals
	}
	if b.counted() {
		own := key
		own.Limit = b.kind.alias
		if b.links.counter.key() != own {
			c, same := b.root().key(), b.folded()
			if same {
				c = b.heir().key() // whoever counts that one, it is to be it again
			}
			if c.valid() {
				to.Counter, to.Same = (*savedKey)(&c), same
			}
		}
	}
	if b.debt != nil {
		s.debt(b, to)
	}
	if !to.Until.IsZero() || to.Counter != nil || to.Policy != nil {
		s.gathered = append(s.gathered, savedLine{Bucket: to})
	}
}

// debt notes what a bucket owes to its policy, for a process that does not know yet how long the way is.
func (s *saver) debt(b *state, to *savedBucket) {
	d, p := b.debt, b.policy
	if p.Quota > 0 {
		owed := d.owed(p, s.at, 0)
		owed = owed[max(len(owed)-min(p.Quota, mostAnswers), 0):] // earlier ones hold nobody back
		for _, at := range owed {
			to.Answers = append(to.Answers, s.time(min(at, s.at.add(p.Window)))) // nobody knows when, for some
		}
	}
	if d.pace != nil {
		if at := d.tokensAt(p, s.at, p.burst()); at > s.at {
			to.Burst = s.time(at)
		}
		if at := d.due.add(min(d.trip, p.Every/2)); d.due != 0 && at > s.at {
			to.Next = s.time(at)
		}
	}
	if len(to.Answers) > 0 || !to.Burst.IsZero() || !to.Next.IsZero() {
		to.Policy, to.Shut = s.policy(p), d.guard.saved()
	}
}

func (s *saver) policy(p *Policy) *savedPolicy {
	saved := savedPolicy(*p)
	if math.IsNaN(p.Reserve) || math.IsInf(p.Reserve, 0) {
		saved.Reserve = 0 // JSON has no such numbers
	}
	return &saved
}

// valid says whether a key can be written as it is.
func (k Key) valid() bool {
	return utf8.ValidString(k.Provider) && utf8.ValidString(k.Limit) && utf8.ValidString(k.Owner) &&
		utf8.ValidString(k.Subject)
}
