# SentencePiece, as the target SentencePiece::SentencePiece, by pkg-config's sentencepiece.
include(FindPackageHandleStandardArgs)
find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
    pkg_check_modules(sentencepiece QUIET IMPORTED_TARGET sentencepiece)
endif()
find_package_handle_standard_args(SentencePiece REQUIRED_VARS sentencepiece_LINK_LIBRARIES
                                  VERSION_VAR sentencepiece_VERSION)
if(SentencePiece_FOUND AND NOT TARGET SentencePiece::SentencePiece)
    add_library(SentencePiece::SentencePiece ALIAS PkgConfig::sentencepiece)
endif()
