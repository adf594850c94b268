// Wire: packets as bytes: VRRP advertisements, IP headers, gratuitous ARP, neighbour advertisements, DNS, ICMP echo.
// Imports: Base.
// Begin with Advertisement.swift, which writes; AdvertisementView.swift reads.
