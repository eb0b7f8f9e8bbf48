// Package rtmserver is a strict stand-in for Slack's legacy Real Time Messaging API, to try clients against: what comes
// too fast is refused as Slack refuses it, and all that comes is noted.
package rtmserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Options are how strict a server is. The zero value takes a frame a second, and bursts of three.
type Options struct {
	// Every and Burst are the rate at which a connection takes frames; 0 means a second, and 3.
	Every time.Duration
	Burst int
	// Leeway is how much earlier than its limits something may come, for networks that hold up one frame longer than
	// the next.
	Leeway time.Duration
	// Moody is how many messages are refused as too fast whatever their pace.
	Moody int
}

const (
	maxFrame     = 16_384
	channelEvery = time.Second
	typingEvery  = 3 * time.Second
	maxUnsaid    = 1 << 10
)

// A Server serves /api/rtm.connect, /api/chat.postMessage, and the websocket that the first leads to. It is an
// http.Handler.
type Server struct {
	o        Options
	upgrader websocket.Upgrader

	mu     sync.Mutex
	conns  map[*conn]bool
	report Report
	posted map[string]time.Time // when a channel had its last message
}

// A Report is what came.
type Report struct {
	Messages    []Message // that were taken, by either way
	Typing      []Message
	Pings       int
	Refused     int      // messages that came too fast for their connection
	Violations  []string // of other limits
	Connections int
}

// A Message is one that was taken.
type Message struct {
	At            time.Time
	Channel, Text string
	HTTP          bool // it came by chat.postMessage
}

// New returns a server.
func New(o Options) *Server {
	if o.Every == 0 {
		o.Every = time.Second
	}
	if o.Burst == 0 {
		o.Burst = 3
	}
	return &Server{
		o: o, upgrader: websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }},
		conns: map[*conn]bool{}, posted: map[string]time.Time{},
	}
}

// Report returns what came so far.
func (s *Server) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.report
	r.Messages, r.Typing = append([]Message(nil), r.Messages...), append([]Message(nil), r.Typing...)
	r.Violations = append([]string(nil), r.Violations...)
	return r
}

// ServeHTTP serves a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch req.URL.Path {
	case "/api/rtm.connect":
		reply(w, map[string]any{
			"ok": true, "url": "ws://" + req.Host + "/socket",
			"self": map[string]any{"id": "U1", "name": "bot"}, "team": map[string]any{"id": "T1"},
		})
	case "/api/chat.postMessage":
		m := Message{At: time.Now(), Channel: req.FormValue("channel"), Text: req.FormValue("text"), HTTP: true}
		s.mu.Lock()
		s.take(m)
		s.mu.Unlock()
		reply(w, map[string]any{"ok": true, "channel": m.Channel, "ts": "1.0"})
	case "/socket":
		ws, err := s.upgrader.Upgrade(w, req, nil)
		if err != nil {
			return // it has answered
		}
		s.serve(&conn{ws: ws, typed: map[string]time.Time{}, out: make(chan any, maxUnsaid)})
	default:
		http.NotFound(w, req)
	}
}

func reply(w http.ResponseWriter, v map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // else the client has gone
}

// take notes a message that was taken. It requires that s.mu is held.
func (s *Server) take(m Message) {
	if last, ok := s.posted[m.Channel]; ok && m.At.Sub(last) < channelEvery-s.o.Leeway {
		s.violated("%s: a message %v after the one before", m.Channel, m.At.Sub(last))
	}
	s.posted[m.Channel] = m.At
	s.report.Messages = append(s.report.Messages, m)
}

func (s *Server) violated(format string, args ...any) {
	s.report.Violations = append(s.report.Violations, fmt.Sprintf(format, args...))
}

// Goodbye tells all connections that they are about to be closed, which Slack then does.
func (s *Server) Goodbye() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.say(map[string]any{"type": "goodbye"})
	}
}

// Close closes all connections.
func (s *Server) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		_ = c.ws.Close() // it may be closed
	}
}

// A conn is a connection.
type conn struct {
	ws    *websocket.Conn
	typed map[string]time.Time // when an indicator came for a channel

	tokens float64
	at     time.Time // when they were so many

	out chan any // what is to be said: who is told something may be talking, too
}

// say has something said, unless the client has long ceased to listen.
func (c *conn) say(v any) {
	select {
	case c.out <- v:
	default:
		_ = c.ws.Close() // it may be closed
	}
}

func (c *conn) speak() {
	for v := range c.out {
		_ = c.ws.WriteJSON(v) // else the reader learns of it
	}
}

// A frame is what a client says.
type frame struct {
	ID      int    `json:"id"`
	Type    string `json:"type"`
	Channel string `json:"channel"`
	Text    string `json:"text"`
}

func (s *Server) serve(c *conn) {
	c.tokens, c.at = float64(s.o.Burst), time.Now()
	s.mu.Lock()
	s.conns[c] = true
	s.report.Connections++
	s.mu.Unlock()
	var speaking sync.WaitGroup
	speaking.Go(c.speak)
	defer func() {
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		_ = c.ws.Close() // it may be closed
		close(c.out)     // nobody knows the connection any more
		speaking.Wait()
	}()
	c.ws.SetReadLimit(maxFrame)
	c.say(map[string]any{"type": "hello"})
	for {
		_, text, err := c.ws.ReadMessage()
		if err != nil {
			if err == websocket.ErrReadLimit { //nolint:errorlint // gorilla wraps nothing
				s.mu.Lock()
				s.violated("a frame of more than %d bytes", maxFrame)
				s.mu.Unlock()
			}
			return
		}
		var f frame
		if json.Unmarshal(text, &f) != nil {
			return
		}
		c.say(s.answer(c, f, time.Now()))
	}
}

// answer takes in a frame and returns what is said to it.
func (s *Server) answer(c *conn, f frame, now time.Time) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.tokens = min(c.tokens+float64(now.Sub(c.at))/float64(s.o.Every), float64(s.o.Burst))
	c.at = now
	switch f.Type {
	case "ping":
		c.tokens--
		s.report.Pings++
		return map[string]any{"type": "pong", "reply_to": f.ID, "timestamp": now.Unix()}
	case "typing":
		c.tokens--
		if last, ok := c.typed[f.Channel]; ok && now.Sub(last) < typingEvery-s.o.Leeway {
			s.violated("%s: an indicator %v after the one before", f.Channel, now.Sub(last))
		}
		c.typed[f.Channel] = now
		s.report.Typing = append(s.report.Typing, Message{At: now, Channel: f.Channel})
		return map[string]any{"ok": true, "reply_to": f.ID}
	}
	if s.o.Moody > 0 || c.tokens < 1-1e-6-float64(s.o.Leeway)/float64(s.o.Every) {
		s.o.Moody = max(s.o.Moody-1, 0)
		s.report.Refused++
		return map[string]any{
			"ok": false, "reply_to": f.ID, "error": map[string]any{"code": -1, "msg": "slow down, too many messages..."},
		}
	}
	c.tokens--
	s.take(Message{At: now, Channel: f.Channel, Text: f.Text})
	return map[string]any{"ok": true, "reply_to": f.ID, "ts": "1.0", "text": f.Text}
}
