//! The one table of the attributes that we know: by what name, at which level, how often, and what reads them.

/// Hands the table to a macro. `indexed` ones are those of which a section remembers where the first one stands.
macro_rules! attribute_table {
    ($make:ident) => {
        $make! {
            indexed {
                /// `candidate` (RFC 8839 §5.1).
                Candidate(Candidate<'a>): "candidate", Media Several, Candidate::parse_value;
                /// `mid` (RFC 5888 §4).
                Mid(&'a str): "mid", Media Once, mid;
                /// `group` (RFC 5888 §5).
                Group(Group<'a>): "group", Session Several, Group::parse_text;
                /// `ice-ufrag` (RFC 8839 §5.4).
                IceUfrag(&'a str): "ice-ufrag", Both Once, ice::ufrag;
                /// `ice-pwd` (RFC 8839 §5.4).
                IcePwd(&'a str): "ice-pwd", Both Once, ice::pwd;
                /// `ice-options` (RFC 8839 §5.6).
                IceOptions(IceOptions<'a>): "ice-options", Both Once, IceOptions::parse;
                /// `ice-pacing`, in milliseconds (RFC 8839 §5.5).
                IcePacing(u32): "ice-pacing", Session Once, ice::pacing;
                /// `fingerprint` (RFC 8122 §5).
                Fingerprint(Fingerprint<'a>): "fingerprint", Both Several, Fingerprint::parse;
                /// `setup` (RFC 4145 §4, RFC 8842 §5).
                Setup(Setup): "setup", Both Once, Setup::parse;
                /// `tls-id` (RFC 8842 §4).
                TlsId(&'a str): "tls-id", Media Once, security::tls_id;
                /// `sctp-port` (RFC 8841 §5).
                SctpPort(u16): "sctp-port", Media Once, sctp::port;
                /// `max-message-size` in bytes; 0 has no bound (RFC 8841 §6).
                MaxMessageSize(u64): "max-message-size", Media Once, sctp::max_message_size;
                /// `sctpmap` (draft 5 of RFC 8841).
                SctpMap(SctpMap<'a>): "sctpmap", Media Several, SctpMap::parse;
                /// `msid-semantic`, of a draft that expired.
                MsidSemantic(MsidSemantic<'a>): "msid-semantic", Session Several, MsidSemantic::parse;
                /// `rtcp` (RFC 3605).
                Rtcp(Rtcp<'a>): "rtcp", Media Once, Rtcp::parse;
                /// `rtpmap` (RFC 8866 §6.6).
                RtpMap(RtpMap<'a>): "rtpmap", Media Several, RtpMap::parse;
                /// `fmtp` (RFC 8866 §6.15).
                Fmtp(Fmtp<'a>): "fmtp", Media Several, Fmtp::parse;
                /// `rtcp-fb` (RFC 4585 §4.2).
                RtcpFb(RtcpFb<'a>): "rtcp-fb", Media Several, RtcpFb::parse;
                /// `extmap` (RFC 8285 §8).
                ExtMap(ExtMap<'a>): "extmap", Both Several, ExtMap::parse;
                /// `msid` (RFC 8830 §2).
                Msid(Msid<'a>): "msid", Media Several, Msid::parse;
                /// `rid` (RFC 8851 §10).
                Rid(Rid<'a>): "rid", Media Several, Rid::parse;
                /// `simulcast` (RFC 8853 §5.1).
                Simulcast(Simulcast<'a>): "simulcast", Media Once, Simulcast::parse;
                /// `ssrc` (RFC 5576 §4.1).
                Ssrc(Ssrc<'a>): "ssrc", Media Several, Ssrc::parse;
                /// `ssrc-group` (RFC 5576 §4.2).
                SsrcGroup(SsrcGroup<'a>): "ssrc-group", Media Several, SsrcGroup::parse;
                /// `ptime`, in milliseconds (RFC 8866 §6.4).
                Ptime(Decimal<'a>): "ptime", Media Once, ptime;
                /// `maxptime`, in milliseconds (RFC 8866 §6.5).
                MaxPtime(Decimal<'a>): "maxptime", Media Once, ptime;
            }
            flags {
                /// `bundle-only` (RFC 9143 §6).
                BundleOnly: "bundle-only", Media;
                /// `ice-lite` (RFC 8839 §5.3).
                IceLite: "ice-lite", Session;
                /// `ice-mismatch` (RFC 8839 §5.3).
                IceMismatch: "ice-mismatch", Media;
                /// `end-of-candidates` (RFC 8840 §8.1).
                EndOfCandidates: "end-of-candidates", Both;
                /// `extmap-allow-mixed` (RFC 8285 §6).
                ExtmapAllowMixed: "extmap-allow-mixed", Both;
                /// `rtcp-mux` (RFC 5761 §5.1.1).
                RtcpMux: "rtcp-mux", Media;
                /// `rtcp-mux-only` (RFC 8858 §3).
                RtcpMuxOnly: "rtcp-mux-only", Media;
                /// `rtcp-rsize` (RFC 5506).
                RtcpRsize: "rtcp-rsize", Media;
                /// `cryptex` (RFC 9335 §4).
                Cryptex: "cryptex", Both;
            }
            others {
                /// `remote-candidates` (RFC 8839 §5.2).
                RemoteCandidates(RemoteCandidates<'a>): "remote-candidates", Media Once, RemoteCandidates::parse;
                /// `framerate`, in frames per second (RFC 8866 §6.13).
                FrameRate(Decimal<'a>): "framerate", Media Once, frame_rate;
                /// `quality`, from 0 to 10 (RFC 8866 §6.14).
                Quality(u32): "quality", Media Once, quality;
                /// `orient`: `portrait`, `landscape` or `seascape` (RFC 8866 §6.8).
                Orient(&'a str): "orient", Media Once, word;
                /// `lang`, a language tag (RFC 8866 §6.12).
                Lang(&'a str): "lang", Both Several, word;
                /// `sdplang`, a language tag (RFC 8866 §6.11).
                SdpLang(&'a str): "sdplang", Both Several, word;
                /// `charset` (RFC 8866 §6.10).
                Charset(&'a str): "charset", Session Once, word;
                /// `type`: `broadcast`, `meeting`, `moderated`, `test` or `H332` (RFC 8866 §6.9).
                Type(&'a str): "type", Session Once, word;
                /// `cat` (RFC 8866 §6.1).
                Cat(&'a str): "cat", Session Once, word;
                /// `keywds` (RFC 8866 §6.2).
                Keywds(&'a str): "keywds", Session Once, text;
                /// `tool` (RFC 8866 §6.3).
                Tool(&'a str): "tool", Session Once, text;
                /// `imageattr` (RFC 6236 §3.1).
                ImageAttr(ImageAttr<'a>): "imageattr", Media Several, ImageAttr::parse;
                /// `key-mgmt` (RFC 4567 §3.1).
                KeyMgmt(KeyMgmt<'a>): "key-mgmt", Both Several, KeyMgmt::parse;
                /// `crypto` (RFC 4568 §9.1).
                Crypto(Crypto<'a>): "crypto", Media Several, Crypto::parse;
                /// `source-filter` (RFC 4570 §3).
                SourceFilter(SourceFilter<'a>): "source-filter", Both Several, SourceFilter::parse;
                /// `label`, which other documents name the section by (RFC 4574 §4).
                Label(&'a str): "label", Media Once, word;
                /// `content`: tokens joined by commas, such as `slides,main` (RFC 4796 §5).
                Content(&'a str): "content", Media Once, word;
                /// `ts-refclk` (RFC 7273 §4.8).
                TsRefClk(TsRefClk<'a>): "ts-refclk", Both Several, TsRefClk::parse;
                /// `mediaclk` (RFC 7273 §5.4).
                MediaClk(MediaClk<'a>): "mediaclk", Both Several, MediaClk::parse;
                /// `depend` (RFC 5583 §5.2.2).
                Depend(Depend<'a>): "depend", Media Once, Depend::parse;
                /// `dcmap` (RFC 8864 §5.1).
                DcMap(DcMap<'a>): "dcmap", Media Several, DcMap::parse;
                /// `dcsa` (RFC 8864 §5.2).
                DcSa(DcSa<'a>): "dcsa", Media Several, DcSa::parse;
            }
        }
    };
}

pub(super) use attribute_table;
