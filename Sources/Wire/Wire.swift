// Wire: packets as bytes: VRRP advertisements, IP headers, gratuitous ARP, neighbour advertisements.
// Imports: Base.
// Begin with Advertisement.swift, which writes; AdvertisementView.swift reads.
