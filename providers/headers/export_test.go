package headers

// Places returns how many hosts p remembers.
func (p *Provider) Places() int {
	p.places.mu.Lock()
	defer p.places.mu.Unlock()
	return len(p.places.known)
}

const MaxPlaces = maxPlaces
