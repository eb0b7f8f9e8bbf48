package bucket_test

import (
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

// wider is a block that may have been about all channels.
func wider(d bucket.Draw, length time.Duration) bucket.Block {
	return bucket.Block{Key: d.Key, For: length, Wider: key("workspace", "")}
}

func TestARefusalOfASecondSubjectBlocksWhatBothAreUnder(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, two, three, all := open("post", "1"), open("post", "2"), open("post", "3"), open("workspace", "")
		first, second := b.ask(one, all), b.ask(two, all)
		first.done(wider(one, 5*sec))
		b.ask(three, all).done()
		b.ask(one, all).wantWaiting()
		b.pass(4 * sec)
		changes := second.done(wider(two, 3*sec))
		if len(changes) != 2 || changes[0].Key != all.Key || changes[1].Key != two.Key {
			b.Errorf("told of %+v", changes)
		}
		q := b.ask(three, all)
		b.pass(3*sec - 1)
		q.wantWaiting()
		b.pass(1)
	})
}

func TestRefusalsOfOneSubjectBlockNothingWider(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, all := open("post", "1"), open("workspace", "")
		first, second := b.ask(one, all), b.ask(one, all)
		first.done(wider(one, 5*sec))
		second.done(wider(one, 6*sec))
		b.ask(open("post", "2"), all).wantAt(0)
	})
}

func TestABlockThatIsOverDoesNotCountAsAnother(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, two, all := open("post", "1"), open("post", "2"), open("workspace", "")
		b.ask(one, all).done(wider(one, 5*sec))
		b.pass(5 * sec)
		b.ask(two, all).done(wider(two, 5*sec))
		b.ask(open("post", "3"), all).wantAt(5 * sec)
	})
}

func TestSubjectsOfTwoOwnersHaveNothingInCommon(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, all := open("post", "1"), open("workspace", "")
		b.ask(of("someone", one)).done(wider(of("someone", one), 5*sec))
		b.ask(open("post", "2"), all).done(wider(open("post", "2"), 5*sec))
		b.ask(all).wantAt(0)
	})
}

func TestABlockThatWasLiftedDoesNotCountAsAnother(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, two, all := open("post", "1"), open("post", "2"), open("workspace", "")
		b.ask(one, all).done(wider(one, 5*sec))
		b.Unblock(one.Key)
		b.ask(two, all).done(wider(two, 5*sec))
		b.ask(one, all).wantAt(0)
	})
}

func TestAShorterBlockOfAnotherSubjectDoesNotHideALongerOne(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, two, all := open("post", "1"), open("post", "2"), open("workspace", "")
		b.ask(one).done(wider(one, 10*sec))
		b.ask(two).done(wider(two, 2*sec)) // all are blocked as long
		b.pass(3 * sec)
		b.ask(two).done(wider(two, 4*sec)) // and so once more, as the first one is blocked still
		q := b.ask(all)
		b.pass(4*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(7 * sec)
	})
}

func TestLiftingTheBlockOfOneSubjectHidesThatOfNoOther(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		one, two, three, all := open("post", "1"), open("post", "2"), open("post", "3"), open("workspace", "")
		b.ask(one, all).done(wider(one, 9*sec))
		b.Unblock(two.Key)
		b.ask(two).done()
		b.Unblock(two.Key)
		b.ask(three, all).done(wider(three, 5*sec))
		b.ask(two, all).wantWaiting()
	})
}
