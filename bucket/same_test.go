package bucket_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/underlimit/underlimit/bucket"
)

func sameBucket(d, as bucket.Draw) bucket.SameBucket {
	return bucket.SameBucket{Key: d.Key, As: as.Key}
}

// named is a draw on a paced bucket by one of its names.
func named(name string) bucket.Draw {
	return bucket.Draw{Key: key("post", name), Policy: modelPost}
}

var modelPost = &bucket.Policy{Every: sec, Burst: 1}

func TestTwoNamesOfABucketShareItsPace(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := named("#general"), named("C1")
		b.warm(id)
		b.ask(name).done(sameBucket(name, id))
		qs := []*request{b.ask(id), b.ask(name), b.ask(id)}
		wantWaiting(3, qs...)
		for i, q := range qs {
			b.pass(sec)
			wantWaiting(2-i, qs...)
			q.done(sameBucket(name, id)) // which is nothing new
		}
		b.pass(10 * sec)
		qs = []*request{b.ask(name), b.ask(id)}
		wantWaiting(1, qs...)
	})
}

func TestOfTwoNamesTheStricterBlockHolds(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := open("post", "#general"), open("post", "C1")
		b.ask(name).done(block(name, 9*sec))
		b.ask(id).done(block(id, 4*sec))
		b.ask(open("other", "")).done(sameBucket(name, id))
		q := b.ask(id)
		b.pass(9*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(9 * sec)
		q.done(block(name, 3*sec)) // by whatever name
		q = b.ask(id)
		b.pass(3 * sec)
		q.wantAt(12 * sec)
	})
}

func TestWhoWaitsByANameWaitsForTheBucketItTurnsOutToBe(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := named("#general"), named("C1")
		b.warm(id)
		b.ask(id).done(block(id, 5*sec))
		first := b.ask(name)
		waits := b.ask(name)
		waits.wantWaiting()
		first.done(sameBucket(name, id))
		b.pass(sec)
		waits.wantWaiting()
		b.pass(4 * sec)
		waits.wantAt(5 * sec)
	})
}

func TestWhatIsInFlightUnderBothNamesCounts(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		two := &bucket.Policy{Concurrent: 2}
		name := bucket.Draw{Key: key("post", "#general"), Policy: two}
		id := bucket.Draw{Key: key("post", "C1"), Policy: two}
		first, second := b.ask(name), b.ask(id)
		b.ask(open("other", "")).done(sameBucket(name, id))
		both := b.ask(name, id)
		both.wantWaiting()
		first.done()
		both.wantAt(0)
		third := b.ask(name)
		third.wantWaiting()
		second.done()
		third.wantAt(0) // as both is one request, by whatever names it draws
	})
}

func TestANameMayComeToMeanAnotherBucket(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, before, after := named("#general"), named("C1"), named("C2")
		b.warm(name)
		b.ask(name).done(sameBucket(name, before))
		b.pass(sec)
		b.ask(name).done(sameBucket(name, after)) // as another channel is called so by now
		b.ask(after).done()
		wantWaiting(2, b.ask(before), b.ask(name))
	})
}

func TestNamesDoNotGoRoundInACircle(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		x, y, z := named("x"), named("y"), named("z")
		b.warm(x)
		b.ask(open("other", "")).done(
			sameBucket(x, y), sameBucket(y, z), sameBucket(z, x), sameBucket(x, x), alias(z, x), sameBucket(y, x))
		qs := []*request{b.ask(x), b.ask(y), b.ask(z)}
		wantWaiting(2, qs...)
	})
}

func TestANameThatIsInUseIsRemembered(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := named("#general"), named("C1")
		b.warm(name)
		b.ask(name).done(sameBucket(name, id))
		for range 60 { // more than an hour, in which others come and go
			b.pass(70 * sec)
			b.ask(name).done()
			b.ask(open("other", b.now().String())).done()
		}
		b.ask(id).wantWaiting()
	})
}

func TestANameOfOneOwnerCanMeanABucketOfAnother(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		hook, post := of("hook", named("")), named("C1")
		b.warm(post)
		b.ask(open("other", "")).done(sameBucket(hook, post), same("owner", "someone"))
		qs := []*request{b.ask(hook), b.ask(of("someone", post)), b.ask(post)}
		wantWaiting(2, qs...)
	})
}

func TestANameOutlivesARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := named("#general"), named("C1")
		b.warm(name)
		b.ask(name).done(sameBucket(name, id), block(id, 5*sec))
		if !strings.Contains(string(b.saved()), `"same":true`) {
			b.Fatalf("no name is saved: %s", b.saved())
		}
		b = b.restart()
		q := b.ask(name)
		b.pass(5 * sec)
		q.wantAt(5 * sec)
		q.done()
		b.ask(id).wantWaiting()
	})
}

func TestWhatIsKnownOfANameIsWhatIsKnownOfItsBucket(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := open("post", "#general"), open("post", "C1")
		b.ask(name).done(sameBucket(name, id), block(id, 5*sec))
		x := b.Explain(new(bucket.Ticket), name)
		if x.Wait != 5*sec || x.Buckets[0].Counter != id.Key {
			b.Errorf("explained as %+v", x)
		}
		b.Unblock(name.Key)
		b.ask(id).wantAt(0)
	})
}

func TestABucketWithoutASubjectMayTurnOutToBeAnother(t *testing.T) {
	hook, channel := bucket.Draw{Key: key("webhook", ""), Policy: modelPost}, named("C1")
	oneAtATime := func(b *bubble) {
		qs := []*request{b.ask(hook), b.ask(channel), b.ask(hook)}
		for i, q := range qs {
			wantWaiting(2-i, qs...)
			q.done()
			b.pass(sec)
		}
	}
	t.Run("after it was drawn on", func(t *testing.T) {
		inBubble(t, nil, func(b *bubble) {
			b.ask(hook).done()
			b.ask(open("other", "")).done(sameBucket(hook, channel))
			b.pass(10 * sec)
			oneAtATime(b)
		})
	})
	t.Run("after a restart", func(t *testing.T) {
		inBubble(t, nil, func(b *bubble) {
			b.ask(open("other", "")).done(sameBucket(hook, channel))
			b = b.restart()
			oneAtATime(b)
		})
	})
}

func TestAnAnswerToARequestByAFormerNameIsOfTheBucketThatItTurnedOutToBe(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id, counter := open("post", "#general"), open("post", "C1"), open("counter", "")
		first, second := b.ask(name), b.ask(name)
		first.done(sameBucket(name, id))
		second.done(alias(name, counter), window(counter, 1, 0, 9*sec))
		q := b.ask(id)
		b.pass(9*sec - 1)
		q.wantWaiting()
		b.pass(1)
		q.wantAt(9 * sec)
	})
}

func TestOfTwoNamesWithDifferentPoliciesTheBucketKeepsItsOwn(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := named("#general"), named("C1")
		name.Policy = &bucket.Policy{Quota: 9, Window: time.Minute}
		b.warm(id)
		shut := open("shut", "")
		b.ask(shut).done(block(shut, 5*sec))
		b.askWith(b.Context(), &bucket.Ticket{Mode: bucket.Reject}, id, shut) // only shows what is documented
		b.ask(name).done(sameBucket(name, id))
		b.ask(id).done()
		b.ask(id).wantWaiting()
	})
}

func TestWhoWaitsForOneThatWentAheadByANameThatComesToMeanAnotherGoesAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, one, other := learned("post", "#general"), learned("post", "C1"), learned("post", "C2")
		first := b.ask(name)
		b.ask(open("another", "")).done(sameBucket(name, one))
		q := b.ask(one)
		q.wantWaiting()
		b.ask(open("another", "")).done(sameBucket(name, other))
		q.wantAt(0)
		q.done()
		first.done()
	})
}

func TestWhatPassedByTwoNamesBeforeAHiddenLimitWasKnownCountsOnceItIs(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id, other := hidden("#general"), hidden("C1"), hidden("C2")
		for range 2 {
			b.ask(name).done() // before anything is known
		}
		b.taught(other, 3, time.Minute)
		b.ask(id).done() // which keeps to what is known from now on
		b.ask(open("another", "")).done(sameBucket(name, id))
		b.ask(id).wantWaiting()
	})
}

func TestANameOfABucketThatAnotherCountsOutlivesARestart(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := named("#general"), named("C1")
		b.warm(name)
		b.ask(name).done(sameBucket(name, id), alias(id, learned("counter", "")))
		b = b.restart()
		b.pass(time.Minute)
		b.ask(name).done()
		b.ask(id).wantWaiting()
	})
}

func TestABucketThatCountsAnotherIsNotTakenForANameOfIt(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		counted, counter := open("post", "C1"), open("counter", "")
		b.ask(counted).done(alias(counted, counter))
		b.ask(counted).done(sameBucket(counter, counted), block(counter, 5*sec))
		q := b.ask(counted)
		b.pass(5 * sec)
		q.wantAt(5 * sec)
	})
}

func TestANameOfAnOwnerThatIsAnotherIsANameOfThat(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := named("#general"), named("C1")
		b.warm(id)
		b.join("second", "owner")
		b.ask(name).done() // by the owner's own name
		b.ask(open("other", "")).done(sameBucket(of("second", name), id))
		b.ask(id).wantWaiting() // a second after that
	})
}

func TestThatANameIsOneIsNewsOnlyOnce(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := learned("post", "#general"), learned("post", "C1")
		b.ask(open("other", "")).done(sameBucket(name, id))
		b.ask(id).wantAt(0) // goes ahead to see
		q := b.ask(name)
		for range 2 {
			b.ask(open("other", "")).done(sameBucket(name, id), sameBucket(id, id))
			q.wantWaiting()
		}
	})
}

func TestANameThatNobodyDrewOnIsRememberedFromTheAnswerOn(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, id := named("#general"), named("C1")
		b.warm(id)
		b.pass(time.Hour)
		b.ask(open("other", "")).done(sameBucket(name, id))
		b.pass(9 * time.Minute)
		b.ask(id).done()
		for i := range 20 { // each looks at a few
			b.ask(open("many", strconv.Itoa(i))).done()
		}
		b.ask(name).wantWaiting()
	})
}

func TestWhereANameMeantAnotherBucketNobodyHasToGoAhead(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, was, is := open("post", "#general"), open("post", "C1"), open("post", "C2")
		b.ask(open("other", "")).done(sameBucket(name, was))
		b.ask(open("other", "")).done(sameBucket(name, is))
		wantWaiting(0, b.askAll(2, was)...)
	})
}

func TestAsANameComesToMeanAnotherBucketItsPlacesInFlightAreFree(t *testing.T) {
	one := &bucket.Policy{Concurrent: 1}
	for name, aliased := range map[string]bool{"it counts itself": false, "another counts it": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				name := bucket.Draw{Key: key("post", "#general"), Policy: one}
				was := bucket.Draw{Key: key("post", "C1"), Policy: one}
				is := bucket.Draw{Key: key("post", "C2"), Policy: one}
				if aliased {
					b.ask(was).done(alias(was, learned("counter", "C1")))
				}
				in := b.ask(name)
				b.ask(open("other", "")).done(sameBucket(name, was))
				q := b.ask(was)
				q.wantWaiting()
				b.ask(open("other", "")).done(sameBucket(name, is))
				q.wantAt(0)
				in.done()
			})
		})
	}
}

func TestAsANameComesToMeanAnotherBucketItsUnitsInTheWindowAreFree(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		name, was, is := open("post", "#general"), open("post", "C1"), open("post", "C2")
		counter := open("counter", "C1")
		b.ask(was).done(alias(was, counter), window(counter, 2, 1, time.Minute))
		in := b.ask(name)
		b.ask(open("other", "")).done(sameBucket(name, was))
		q := b.ask(was)
		q.wantWaiting()
		b.ask(open("other", "")).done(sameBucket(name, is))
		q.wantAt(0)
		in.done()
	})
}
