package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/underlimit/underlimit/internal/memnet"
)

func TestWhatIsDialedIsAccepted(t *testing.T) {
	l := memnet.Listen()
	defer l.Close()
	said := make(chan string)
	go func() {
		c, err := l.Accept()
		if err != nil {
			t.Error(err)
			close(said)
			return
		}
		b, _ := io.ReadAll(c)
		said <- string(b)
	}()
	c, err := l.Dial(t.Context(), "tcp", "anything:80")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Error(err)
	}
	c.Close()
	if got := <-said; got != "hello" || l.Dials() != 1 {
		t.Errorf("%q came by %d connections", got, l.Dials())
	}
}

func TestWhoWaitsIsLetGoAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := memnet.Listen()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Dial(ctx, "", ""); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a connection that nobody accepts: %v", err)
		}

		dialed, accepted := make(chan error), make(chan error)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, err = l.Accept()
				c.Close()
			}
			accepted <- err
		}()
		if _, err := l.Dial(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it waits for another connection
		l.Close()
		l.Close()
		if err := <-accepted; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
		go func() {
			_, err := l.Dial(t.Context(), "", "")
			dialed <- err
		}()
		if err := <-dialed; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Dial after Close: %v", err)
		}
	})
}
