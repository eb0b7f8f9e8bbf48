package headers

// Places returns how many hosts p remembers.
func (p *Provider) Places() int {
	p.places.mu.RLock()
	defer p.places.mu.RUnlock()
	return len(p.places.known)
}

const MaxPlaces = maxPlaces
