# What `cmake --install` puts where. The program finds share/alphaprune_mpi from its own place, so
# that the whole prefix may be moved.
install(TARGETS alphaprune_mpi RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(ALPHAPRUNE_HAS_CUDA)
    install(TARGETS alphaprune_cuda LIBRARY DESTINATION lib/${PROJECT_NAME})
endif()
install(DIRECTORY data/books-7m DESTINATION ${CMAKE_INSTALL_DATADIR}/${PROJECT_NAME})
install(FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs slurm DESTINATION ${CMAKE_INSTALL_DOCDIR} USE_SOURCE_PERMISSIONS
    FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.json" PATTERN "*.sbatch")
install(DIRECTORY jobs DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.cfg")
# `module use PREFIX/share/modulefiles`, and it is found under its name and version.
install(FILES docker/modulefile DESTINATION ${CMAKE_INSTALL_DATADIR}/modulefiles/${PROJECT_NAME}
    RENAME ${PROJECT_VERSION})

# What the program says of itself: the manual page and the completions of shells. Not where it cannot
# run on the machine that installs it.
set(alphaprune_texts
    "man|${CMAKE_INSTALL_MANDIR}/man1|alphaprune_mpi.1"
    "completion bash|${CMAKE_INSTALL_DATADIR}/bash-completion/completions|alphaprune_mpi"
    "completion zsh|${CMAKE_INSTALL_DATADIR}/zsh/site-functions|_alphaprune_mpi"
    "completion fish|${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d|alphaprune_mpi.fish")
install(CODE "
    set(texts \"${alphaprune_texts}\")
    foreach(text IN LISTS texts)
        string(REPLACE \"|\" \";\" text \"\${text}\")
        list(GET text 0 topic)
        list(GET text 1 folder)
        list(GET text 2 name)
        string(REPLACE \" \" \";\" topic \"\${topic}\")
        set(file \"${PROJECT_BINARY_DIR}/texts/\${folder}/\${name}\")
        file(MAKE_DIRECTORY \"${PROJECT_BINARY_DIR}/texts/\${folder}\")
        execute_process(COMMAND \"$<TARGET_FILE:alphaprune_mpi>\" help \${topic}
            OUTPUT_FILE \"\${file}\" RESULT_VARIABLE failed)
        if(failed)
            message(WARNING \"alphaprune_mpi does not run here: no \${name} is installed\")
        else()
            file(INSTALL \"\${file}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/\${folder}\")
        endif()
    endforeach()")
